/**
 * The connection to the server: a websocket for what is new, and the state for what was before.
 *
 * The socket is opened first and its frames are kept until the state has been read, so that nothing falls between.
 * When the socket ends, or is silent for longer than any healthy one, the page tells and tries again, more and more
 * slowly.
 */

const SILENT_FOR_TOO_LONG_MS = 25_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const STATE_WITHIN_MS = 30_000;

export class Feed {
  #on;
  #socket = null;
  #waiting = null;
  #silence = null;
  #retry = null;
  #failures = 0;
  #stateRun = 0;

  /** @param {{state: Function, news: Function, clock: Function, status: Function}} on what to call with what comes */
  constructor(on) {
    this.#on = on;
    window.addEventListener("online", () => this.#retryNow());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retryNow());
  }

  /** Connect, and stay connected. */
  start() {
    this.#retry = null;
    this.#waiting = [];
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`);
    this.#socket = socket;
    socket.onmessage = (message) => socket === this.#socket && this.#hear(JSON.parse(message.data));
    socket.onclose = () => socket === this.#socket && this.#lose("The connection to the server is lost.");
    this.#listen();
  }

  #hear(frame) {
    this.#listen();
    if (frame.server_at) this.#on.clock(Date.parse(frame.server_at));
    if (frame.kind === "hello") this.#readState(frame);
    else if (frame.kind === "resync") this.#readState(null);
    else if (frame.kind === "beat") this.#tellLive(frame);
    else if (frame.kind === "news" && this.#waiting) this.#waiting.push(frame);
    else if (frame.kind === "news") this.#on.news(frame);
  }

  async #readState(hello) {
    const run = ++this.#stateRun;
    this.#waiting ??= [];
    try {
      const answer = await fetch("/api/state", { signal: AbortSignal.timeout(STATE_WITHIN_MS) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const state = await answer.json();
      if (run !== this.#stateRun) return;
      this.#on.state(state);
      const missed = this.#waiting ?? [];
      this.#waiting = null;
      missed.forEach((frame) => this.#on.news(frame));
      this.#failures = 0;
      if (hello) this.#tellLive(hello);
    } catch (error) {
      if (run === this.#stateRun) this.#lose(`The server cannot tell its state (${error.message}).`);
    }
  }

  #tellLive(frame) {
    if (this.#waiting) return;
    this.#on.status(frame.feed_ok ? { kind: "live" } : { kind: "delayed", detail: frame.feed_detail });
  }

  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose("The server has fallen silent."), SILENT_FOR_TOO_LONG_MS);
  }

  #lose(detail) {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    this.#stateRun++;
    socket?.close();
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++) * (0.7 + Math.random() * 0.6);
    this.#on.status({ kind: "lost", detail, retryAtMs: Date.now() + wait });
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.start(), wait);
  }

  #retryNow() {
    if (this.#retry === null) return;
    clearTimeout(this.#retry);
    this.start();
  }
}
