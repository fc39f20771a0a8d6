/** The lists beside the map: people, stops, anomalies, and the tabs between them. */

import { hueOf, theme } from "./colours.js";
import { doing, stopLasted } from "./drawing.js";
import { byId, element, setText, speed } from "./page-parts.js";
import { freshness, isPlace, isStopped } from "./people.js";
import { ago, lasted, serverNow, shortMoment } from "./time.js";

const MOST_ROWS = 200;
const MOST_STOPS = 100;
const byName = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export class Lists {
  #people;
  #on;
  #rows = new Map();
  #isAsked = false;
  #selectedId = null;
  #shown = { stops: "", anomalies: "" };

  /** @param {{person: Function, stop: Function}} on called with what is chosen */
  constructor(people, on) {
    this.#people = people;
    this.#on = on;
    byId("search").addEventListener("input", () => this.refresh());
    wireTabs();
  }

  /** Mark one person's row. */
  select(id) {
    this.#selectedId = id;
    this.refresh();
  }

  /** Bring the lists up to date soon; many calls become one. */
  refresh() {
    if (this.#isAsked) return;
    this.#isAsked = true;
    setTimeout(() => {
      this.#isAsked = false;
      this.#update();
    }, 150);
  }

  #update() {
    const everybody = [...this.#people.byId.values()];
    const now = serverNow();
    setText(byId("count-people"), String(everybody.filter((person) => person.fix).length));
    setText(byId("count-fresh"), String(everybody.filter((person) => person.fix && freshness(person, now) === "fresh").length));
    setText(byId("count-stopped"), String(everybody.filter(isStopped).length));
    this.#updatePeople(everybody, now);
    this.#updateStops();
    this.#updateAnomalies();
  }

  #updatePeople(everybody, now) {
    const wanted = byId("search").value.trim().toLowerCase();
    const found = everybody
      .filter((person) => !wanted || person.name.toLowerCase().includes(wanted) || person.id.toLowerCase().includes(wanted))
      .sort((one, other) => byName.compare(one.name, other.name));
    const shown = found.slice(0, MOST_ROWS);
    const colours = theme().people;
    const rows = shown.map((person) => this.#personRow(person, now, colours));
    replaceIfDifferent(byId("rows-people"), rows);
    const kept = new Set(shown.map((person) => person.id));
    for (const id of this.#rows.keys()) if (!kept.has(id)) this.#rows.delete(id);
    let note = "";
    if (found.length > MOST_ROWS) note = `${found.length - MOST_ROWS} more. Search to narrow the list.`;
    else if (!everybody.length) note = "No phone is known yet.";
    else if (!found.length) note = "Nobody is called that.";
    tellNote("note-people", note);
  }

  #personRow(person, now, colours) {
    let row = this.#rows.get(person.id);
    if (!row) {
      const button = element("button.row", { type: "button" }, element("span.swatch", { "aria-hidden": "true" }), element("span.row-name"), element("span.row-sub"));
      button.addEventListener("click", () => this.#on.person(person.id));
      row = element("li", {}, button);
      row.deviceId = person.id;
      this.#rows.set(person.id, row);
    }
    const [button] = row.children;
    const [swatch, name, sub] = button.children;
    const age = freshness(person, now);
    row.dataset.age = age;
    swatch.style.backgroundColor = age === "stale" ? "" : colours[hueOf(person.id)];
    button.setAttribute("aria-pressed", String(person.id === this.#selectedId));
    setText(name, person.name);
    setText(sub, sentenceOf(person));
    return row;
  }

  #updateStops() {
    const stops = [...this.#people.stops.values()]
      .sort((one, other) => (one.started_at < other.started_at ? 1 : -1))
      .slice(0, MOST_STOPS);
    tellNote("note-stops", stops.length ? "" : "No stops yet. A stop is found once somebody stays in one place for a while.");
    const key = stops.map((stop) => `${stop.staypoint_id}${stop.ended_at}${lasted(stopLasted(stop))}${this.#people.person(stop.device_id).name}`).join();
    if (key === this.#shown.stops) return;
    this.#shown.stops = key;
    byId("rows-stops").replaceChildren(...stops.map((stop) => this.#stopRow(stop)));
  }

  #stopRow(stop) {
    const goesOn = stop.ended_at === null;
    const button = element(
      "button.row",
      { type: "button" },
      element("span.swatch.stop", { "aria-hidden": "true" }),
      element("span.row-name", {}, this.#people.person(stop.device_id).name),
      element("span.row-sub", {}, `${goesOn ? "still here, for" : "stayed"} ${lasted(stopLasted(stop))} · since ${shortMoment(Date.parse(stop.started_at))}`),
    );
    button.addEventListener("click", () => this.#on.stop(stop));
    return element("li", {}, button);
  }

  #updateAnomalies() {
    const anomalies = [...this.#people.anomalies.values()].sort((one, other) => (one.happened_at < other.happened_at ? 1 : -1));
    const pill = byId("count-anomalies");
    pill.hidden = !anomalies.length;
    setText(pill, String(anomalies.length));
    tellNote("note-anomalies", anomalies.length ? "" : "Nothing unusual so far.");
    const key = anomalies.map((anomaly) => `${anomaly.anomaly_id}${this.#people.subjectOf(anomaly)}`).join();
    if (key === this.#shown.anomalies) return;
    this.#shown.anomalies = key;
    byId("rows-anomalies").replaceChildren(...anomalies.map((anomaly) => this.#anomalyRow(anomaly)));
  }

  #anomalyRow(anomaly) {
    const button = element(
      "button.row.anomaly",
      { type: "button", "data-severity": anomaly.severity },
      element("span.severity", {}, anomaly.severity),
      element("span.row-name", {}, this.#people.subjectOf(anomaly)),
      element("span.row-text", {}, anomaly.sentence),
      element("span.row-sub", {}, shortMoment(Date.parse(anomaly.happened_at))),
    );
    if (!isPlace(anomaly.device_id)) button.addEventListener("click", () => this.#on.person(anomaly.device_id));
    return element("li", {}, button);
  }
}

/** A person's state in one line. */
function sentenceOf(person) {
  if (!person.fix) return "no place reported yet";
  const heard = `heard ${ago(person.heardMs)}`;
  const now = doing(person) ?? (person.fix.speed_mps > 0.3 ? speed(person.fix.speed_mps) : null);
  return [person.disabled ? "disabled" : null, heard, now, person.fix.clock_ok ? null : "wrong clock"].filter(Boolean).join(" · ");
}

function tellNote(id, text) {
  byId(id).hidden = !text;
  setText(byId(id), text);
}

function replaceIfDifferent(list, rows) {
  const isSame = rows.length === list.children.length && rows.every((row, place) => row === list.children[place]);
  if (isSame) return;
  const focused = rows.find((row) => row.contains(document.activeElement));
  list.replaceChildren(...rows);
  focused?.querySelector("button").focus({ preventScroll: true });
}

/** Tabs that arrow keys move between, as the ARIA practices describe. */
function wireTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const open = (chosen) => {
    for (const tab of tabs) {
      const isOpen = tab === chosen;
      tab.setAttribute("aria-selected", String(isOpen));
      tab.tabIndex = isOpen ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = !isOpen;
    }
  };
  tabs.forEach((tab, place) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const next = tabs[(place + step + tabs.length) % tabs.length];
      open(next);
      next.focus();
    });
  });
}
