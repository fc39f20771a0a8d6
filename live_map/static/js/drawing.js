/**
 * What is drawn on the map: a dot and a trail for each person, a circle for each stop.
 *
 * Changes are gathered and drawn once a frame of the screen. Dots and stops share one canvas, which the pointer
 * reaches; trails have one below it, which it does not.
 */

import { hueOf, onThemeChange, theme } from "./colours.js";
import { element, facts } from "./page-parts.js";
import { freshness, isStopped } from "./people.js";
import { lasted, localMoment, serverNow, shortMoment, utcMoment } from "./time.js";

const LABELS_UP_TO = 30;
const LABEL_HIGH_PX = 20;

export class Drawing {
  #map;
  #layers;
  #people;
  #colours = theme();
  #dots = new Map();
  #trails = new Map();
  #circles = new Map();
  #dirtyPeople = new Set();
  #dirtyStops = new Set();
  #isAsked = false;
  #selectedId = null;
  #onSelect;
  #onMoved;

  /** @param {{onSelect: Function, onMoved: Function}} on called with a person when clicked, and when drawn anew */
  constructor({ map, layers }, people, { onSelect, onMoved }) {
    this.#map = map;
    this.#layers = layers;
    this.#people = people;
    this.#onSelect = onSelect;
    this.#onMoved = onMoved;
    const pane = map.createPane("trails");
    pane.style.zIndex = "390";
    pane.style.pointerEvents = "none";
    map.on("zoomend", () => {
      this.redraw({ stops: this.#people.stops.values() });
      this.#spreadLabels();
    });
    this.trailRenderer = L.canvas({ pane: "trails", padding: 0.3 });
    onThemeChange(() => {
      this.#colours = theme();
      this.redrawAll();
    });
  }

  /** Forget everything and draw it anew. */
  reset() {
    for (const layer of [this.#layers.people, this.#layers.trails, this.#layers.stops]) layer.clearLayers();
    this.#dots.clear();
    this.#trails.clear();
    this.#circles.clear();
    this.redrawAll();
  }

  /** Draw everything again, as when colours or ages have changed. */
  redrawAll() {
    this.redraw({ people: this.#people.byId.values(), stops: this.#people.stops.values() });
  }

  /** Draw these again with the next frame of the screen. */
  redraw({ people = [], stops = [] }) {
    for (const person of people) this.#dirtyPeople.add(person.id);
    for (const stop of stops) this.#dirtyStops.add(stop.staypoint_id);
    if (this.#isAsked) return;
    this.#isAsked = true;
    requestAnimationFrame(() => this.#draw());
  }

  /** Mark one person, or nobody. */
  select(id) {
    const before = this.#selectedId;
    this.#selectedId = id;
    for (const each of [before, id]) {
      const person = each && this.#people.byId.get(each);
      if (person) this.#drawPerson(person);
    }
    if (id) this.#dots.get(id)?.bringToFront();
  }

  /** The smallest box around everybody, or null. */
  bounds() {
    const places = [...this.#dots.values()].map((dot) => dot.getLatLng());
    return places.length ? L.latLngBounds(places) : null;
  }

  /** Open the note of a stop. */
  openStop(stop) {
    const circle = this.#circles.get(stop.staypoint_id);
    this.#map.setView(circle.getLatLng(), Math.max(this.#map.getZoom(), 15));
    circle.openPopup();
  }

  #draw() {
    this.#isAsked = false;
    for (const id of this.#dirtyStops) {
      const stop = this.#people.stops.get(id);
      if (stop) this.#drawStop(stop);
    }
    for (const id of this.#circles.keys()) if (!this.#people.stops.has(id)) this.#dropStop(id);
    const drawn = [...this.#dirtyPeople].map((id) => this.#people.byId.get(id)).filter((person) => person?.fix);
    this.#dirtyStops.clear();
    this.#dirtyPeople.clear();
    drawn.forEach((person) => this.#drawPerson(person));
    this.#spreadLabels();
    if (drawn.length) this.#onMoved(drawn);
  }

  /** Hide each label that would lie over one that is shown already; the selected person's comes first. */
  #spreadLabels() {
    const taken = [];
    const dots = [...this.#dots.values()].filter((dot) => dot.getTooltip()?.options.permanent && dot.getTooltip().getElement());
    dots.sort((one, other) => (other.options.deviceId === this.#selectedId) - (one.options.deviceId === this.#selectedId));
    const places = dots.map((dot) => ({
      label: dot.getTooltip().getElement(),
      at: this.#map.latLngToContainerPoint(dot.getLatLng()),
      wide: dot.getTooltip().getElement().offsetWidth,
    }));
    for (const { label, at, wide } of places) {
      const isHidden = taken.some((other) => Math.abs(other.y - at.y) < LABEL_HIGH_PX && at.x < other.x + other.wide && other.x < at.x + wide);
      label.classList.toggle("is-hidden", isHidden);
      if (!isHidden) taken.push({ x: at.x, y: at.y, wide });
    }
  }

  #drawPerson(person) {
    if (!person.fix) return;
    const place = [person.fix.latitude_deg, person.fix.longitude_deg];
    const style = this.#dotStyle(person);
    let dot = this.#dots.get(person.id);
    if (dot) {
      if (!dot.getLatLng().equals(place, 0)) dot.setLatLng(place);
      restyle(dot, style);
    } else {
      dot = L.circleMarker(place, { ...style, deviceId: person.id, bubblingMouseEvents: false });
      dot.on("click", () => this.#onSelect(person.id));
      this.#dots.set(person.id, dot.addTo(this.#layers.people));
    }
    this.#label(dot, person);
    this.#drawTrail(person, style.fillColor);
  }

  #dotStyle(person) {
    const age = freshness(person, serverNow());
    const isSelected = person.id === this.#selectedId;
    return {
      radius: isSelected ? 10 : age === "stale" ? 5.5 : 7.5,
      weight: isSelected ? 3 : 2,
      color: isSelected ? this.#colours.ink : this.#colours.rim,
      opacity: 1,
      fillColor: age === "stale" ? this.#colours.stale : this.#colours.people[hueOf(person.id)],
      fillOpacity: 1,
    };
  }

  #label(dot, person) {
    const isPermanent = person.id === this.#selectedId || this.#people.byId.size <= LABELS_UP_TO;
    const tooltip = dot.getTooltip();
    if (tooltip && tooltip.options.permanent === isPermanent) {
      if (tooltip.itrackText !== person.name) setLabel(tooltip, person.name);
      return;
    }
    dot.unbindTooltip();
    dot.bindTooltip("", { permanent: isPermanent, direction: "right", offset: [9, 0], className: "name-label", opacity: 1 });
    setLabel(dot.getTooltip(), person.name);
  }

  #drawTrail(person, colour) {
    const segments = this.#people.segments(person);
    let trail = this.#trails.get(person.id);
    if (!trail) {
      trail = L.polyline(segments, { renderer: this.trailRenderer, interactive: false, weight: 3, opacity: 0.6, color: colour });
      this.#trails.set(person.id, trail.addTo(this.#layers.trails));
      return;
    }
    trail.setLatLngs(segments);
    restyle(trail, { color: colour });
  }

  #drawStop(stop) {
    const place = [stop.latitude_deg, stop.longitude_deg];
    const isOver = stop.ended_at !== null;
    const style = {
      radius: stopRadius(stopLasted(stop)) * this.#stopScale(),
      weight: isOver ? 1.5 : 2.5,
      color: this.#colours.stop,
      opacity: isOver ? 0.8 : 1,
      dashArray: isOver ? null : "4 4",
      fillColor: this.#colours.stop,
      fillOpacity: isOver ? 0.18 : 0.3,
    };
    let circle = this.#circles.get(stop.staypoint_id);
    if (circle) {
      circle.setLatLng(place);
      circle.setRadius(style.radius);
      restyle(circle, style);
    } else {
      circle = L.circleMarker(place, { ...style, staypointId: stop.staypoint_id, bubblingMouseEvents: false });
      circle.bindPopup(() => this.#stopNote(stop.staypoint_id), { minWidth: 220 });
      this.#circles.set(stop.staypoint_id, circle.addTo(this.#layers.stops));
      circle.bringToBack();
    }
  }

  /** Stops shrink as one looks from farther away, so that a town's do not cover it. */
  #stopScale() {
    return Math.min(1, Math.max(0.3, (this.#map.getZoom() - 5) / 9));
  }

  #dropStop(id) {
    this.#layers.stops.removeLayer(this.#circles.get(id));
    this.#circles.delete(id);
  }

  #stopNote(id) {
    const stop = this.#people.stops.get(id);
    if (!stop) return element("p", {}, "This stop is no longer known.");
    const startedMs = Date.parse(stop.started_at);
    return element(
      "div.note-on-map",
      {},
      element("h3", {}, this.#people.person(stop.device_id).name),
      facts([
        [stop.ended_at === null ? "Here for" : "Stayed", lasted(stopLasted(stop))],
        ["Since", localMoment(startedMs)],
        ["", utcMoment(startedMs)],
        ["Until", stop.ended_at === null ? "still here" : shortMoment(Date.parse(stop.ended_at))],
        ["Fixes", String(stop.fix_count)],
      ]),
    );
  }
}

/** How long a stop has lasted; one that goes on lasts until its last fix, or until now when that was not long ago. */
export function stopLasted(stop) {
  const startedMs = Date.parse(stop.started_at);
  if (stop.ended_at !== null) return Date.parse(stop.ended_at) - startedMs;
  const lastMs = Date.parse(stop.last_fixed_at);
  const isNow = serverNow() - lastMs < 86_400_000;
  return (isNow ? serverNow() : lastMs) - startedMs;
}

/** What a person does, in a word or two. */
export function doing(person) {
  if (isStopped(person)) return `at a stop for ${lasted(stopLasted(person.stop))}`;
  return null;
}

function stopRadius(durationMs) {
  return Math.min(26, 6 + 3 * Math.log2(1 + durationMs / 300_000));
}

function setLabel(tooltip, name) {
  tooltip.itrackText = name;
  tooltip.setContent(element("span", {}, name));
}

/** Set a style only where it differs: each change costs a redraw. */
function restyle(layer, style) {
  if (Object.entries(style).some(([key, value]) => layer.options[key] !== value)) layer.setStyle(style);
}
