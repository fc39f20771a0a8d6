/**
 * Everybody on the map: names, the fix to show, the trail behind it, stops, trips and anomalies.
 *
 * The rule of what is newer is that of `live_map/placing.py`.
 */

const MOST_THINGS = 1000;
const MOST_ANOMALIES = 200;
const FRESH_MS = 5 * 60_000;
const QUIET_MS = 30 * 60_000;

/** @typedef {{id: string, name: string, isNamed: boolean, disabled: boolean, fix: object|null, heardMs: number,
 *             trail: Array<[number, number, number]>, stop: object|null, trip: object|null}} Person */

export class People {
  /** @type {Map<string, Person>} */
  byId = new Map();
  stops = new Map();
  anomalies = new Map();
  silenceMs = 300_000;
  #accuracyMaxM = 100;
  #trailPoints = 200;

  /** Take the place of everything by the server's state. */
  load(state) {
    this.silenceMs = state.silence_s * 1000;
    this.#accuracyMaxM = state.accuracy_max_m;
    this.#trailPoints = state.trail_points;
    this.byId = new Map();
    this.stops = new Map();
    this.anomalies = new Map();
    state.devices.forEach((device) => this.#name(device));
    state.fixes.forEach((fix) => this.#show(this.person(fix.device_id), fix));
    for (const [id, trail] of Object.entries(state.trails)) this.person(id).trail = trail;
    state.staypoints.toReversed().forEach((stop) => this.#stop(stop));
    state.trips.toReversed().forEach((trip) => { this.person(trip.device_id).trip = trip; });
    state.anomalies.toReversed().forEach((anomaly) => this.anomalies.set(anomaly.anomaly_id, anomaly));
  }

  /**
   * Add what is new.
   * @returns {{people: Set<Person>, stops: Set<object>}} what has to be drawn again
   */
  apply(news) {
    const changed = { people: new Set(), stops: new Set() };
    news.devices.forEach((device) => changed.people.add(this.#name(device)));
    for (const fix of news.fixes) {
      const person = this.person(fix.device_id);
      this.#show(person, fix);
      if ((fix.accuracy_m ?? 0) <= this.#accuracyMaxM) this.#lengthen(person.trail, fix);
      changed.people.add(person);
    }
    for (const event of news.events) {
      const person = isPlace(event.device_id) ? null : this.person(event.device_id);
      if (event.kind === "staypoint_withdrawn") {
        this.#forgetStop(event.staypoint);
        changed.stops.add(event.staypoint);
        changed.people.add(person);
      } else if (event.staypoint) {
        this.#stop(event.staypoint);
        changed.stops.add(event.staypoint);
        changed.people.add(person);
      }
      if (event.trip) person.trip = newestTrip(person.trip, event);
      if (event.kind === "anomaly_withdrawn") {
        this.anomalies.delete(event.anomaly.anomaly_id);
      } else if (event.anomaly) {
        this.anomalies.set(event.anomaly.anomaly_id, event.anomaly);
        forgetOldest(this.anomalies, MOST_ANOMALIES);
      }
    }
    return changed;
  }

  /** The person with that phone, made up when it is new. @returns {Person} */
  person(id) {
    let person = this.byId.get(id);
    if (!person) {
      person = { id, name: id, isNamed: false, disabled: false, fix: null, heardMs: 0, trail: [], stop: null, trip: null };
      this.byId.set(id, person);
    }
    return person;
  }

  /** Whom, or what, an anomaly is about, in words. @returns {string} */
  subjectOf(anomaly) {
    return isPlace(anomaly.device_id) ? "Crowd" : this.person(anomaly.device_id).name;
  }

  /** The trail of a person, cut wherever the phone was silent. @returns {Array<Array<[number, number]>>} */
  segments(person) {
    const segments = [];
    let before = -Infinity;
    for (const [atMs, latitude, longitude] of person.trail) {
      if (atMs - before > this.silenceMs) segments.push([]);
      segments.at(-1).push([latitude, longitude]);
      before = atMs;
    }
    return segments.filter((segment) => segment.length > 1);
  }

  #name({ device_id: id, name, disabled }) {
    const person = this.person(id);
    person.name = name.trim() || id;
    person.isNamed = true;
    person.disabled = disabled;
    return person;
  }

  #show(person, fix) {
    const serverMs = Date.parse(fix.server_at);
    person.heardMs = Math.max(person.heardMs, serverMs);
    if (!person.fix || isNewer(fix, person.fix)) person.fix = fix;
  }

  #lengthen(trail, fix) {
    const point = [Date.parse(fix.placed_at), fix.latitude_deg, fix.longitude_deg];
    let place = trail.length;
    while (place > 0 && trail[place - 1][0] > point[0]) place--;
    if (place > 0 && trail[place - 1][0] === point[0]) return;
    trail.splice(place, 0, point);
    if (trail.length > this.#trailPoints) trail.shift();
  }

  #stop(stop) {
    const person = this.person(stop.device_id);
    this.stops.delete(stop.staypoint_id);
    this.stops.set(stop.staypoint_id, stop);
    forgetOldest(this.stops, MOST_THINGS);
    const known = person.stop;
    if (!known || Date.parse(stop.started_at) >= Date.parse(known.started_at)) person.stop = stop;
  }

  #forgetStop(stop) {
    this.stops.delete(stop.staypoint_id);
    const person = this.person(stop.device_id);
    if (person.stop?.staypoint_id === stop.staypoint_id) person.stop = null;
  }
}

/** True for what an anomaly is about when that is a cell of the map and no phone. */
export function isPlace(id) {
  return id.startsWith("cell:");
}

/** True when `fix` should be shown instead of `shown`. */
export function isNewer(fix, shown) {
  const serverMs = Date.parse(fix.server_at);
  const shownServerMs = Date.parse(shown.server_at);
  if (!fix.clock_ok || !shown.clock_ok) return serverMs > shownServerMs;
  const fixedMs = Date.parse(fix.fixed_at);
  const shownFixedMs = Date.parse(shown.fixed_at);
  return fixedMs > shownFixedMs || (fixedMs === shownFixedMs && serverMs > shownServerMs);
}

/** How recently a phone was heard: `fresh`, `quiet` or `stale`. */
export function freshness(person, nowMs) {
  const age = nowMs - person.heardMs;
  if (person.disabled || age > QUIET_MS) return "stale";
  return age > FRESH_MS ? "quiet" : "fresh";
}

/** True while the person is at a stop that has not ended. */
export function isStopped(person) {
  return Boolean(person.stop && person.stop.ended_at === null);
}

function forgetOldest(map, most) {
  while (map.size > most) map.delete(map.keys().next().value);
}

/** The trip to show after an event about one: a correction of an older trip does not take the place of a newer one. */
function newestTrip(shown, { kind, trip }) {
  const isOther = shown && shown.trip_id !== trip.trip_id;
  if (kind === "trip_withdrawn") return isOther ? shown : null;
  return isOther && Date.parse(shown.started_at) > Date.parse(trip.started_at) ? shown : trip;
}
