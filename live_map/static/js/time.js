/** Times and durations in words. All arguments are milliseconds since 1970 UTC, or milliseconds. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const utcClock = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC",
});
const utcDay = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

let aheadMs = 0;

/** Note what the server's clock says now, so that a wrong clock on this computer does not matter. */
export function setServerTime(serverMs) {
  aheadMs = serverMs - Date.now();
}

/** The server's clock. */
export function serverNow() {
  return Date.now() + aheadMs;
}

/** `just now`, `25 s ago`, `4 min ago`, `3 h ago`, `5 days ago`. */
export function ago(atMs) {
  const age = serverNow() - atMs;
  if (age < 5_000) return "just now";
  if (age < MINUTE) return `${Math.round(age / 1000)} s ago`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min ago`;
  if (age < 2 * DAY) return `${Math.floor(age / HOUR)} h ago`;
  return `${Math.floor(age / DAY).toLocaleString("en-GB")} days ago`;
}

/** `40 s`, `25 min`, `3 h 10 min`, `2 d 4 h`. */
export function lasted(durationMs) {
  if (durationMs < MINUTE) return `${Math.max(0, Math.round(durationMs / 1000))} s`;
  if (durationMs < HOUR) return `${Math.floor(durationMs / MINUTE)} min`;
  if (durationMs < DAY) return pair(durationMs, HOUR, "h", MINUTE, "min");
  return pair(durationMs, DAY, "d", HOUR, "h");
}

/** Time and day where the reader is, such as `17:04:12, 22 Nov 2026`. */
export function localMoment(atMs) {
  return `${clock.format(atMs)}, ${day.format(atMs)}`;
}

/** The same moment in UTC. */
export function utcMoment(atMs) {
  return `${utcClock.format(atMs)}, ${utcDay.format(atMs)} UTC`;
}

/** Hour and minute where the reader is, with the day unless it is today. */
export function shortMoment(atMs) {
  const time = clock.format(atMs).slice(0, 5);
  return day.format(atMs) === day.format(serverNow()) ? time : `${time}, ${day.format(atMs)}`;
}

function pair(durationMs, big, bigName, small, smallName) {
  const bigs = Math.floor(durationMs / big);
  const smalls = Math.floor((durationMs % big) / small);
  return smalls ? `${bigs} ${bigName} ${smalls} ${smallName}` : `${bigs} ${bigName}`;
}
