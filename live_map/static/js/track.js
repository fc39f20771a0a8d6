/** The track of the selected person: the day up to the latest fix, with a dot for each fix that can be asked. */

import { element, facts, speed } from "./page-parts.js";
import { localMoment, utcMoment } from "./time.js";

const DAY_MS = 86_400_000;
const DOTS_UP_TO = 2500;

export class SelectedTrack {
  #layer;
  #renderer;
  #run = 0;

  constructor(layer, renderer) {
    this.#layer = layer;
    this.#renderer = renderer;
  }

  /** The smallest box around the track, or null. */
  bounds() {
    const bounds = this.#layer.getBounds();
    return bounds.isValid() ? bounds : null;
  }

  /** Take the track away. */
  clear() {
    this.#run++;
    this.#layer.clearLayers();
  }

  /**
   * Show the day before a person's latest fix.
   * @returns {Promise<string>} a sentence about what is shown
   */
  async show(person, colour) {
    this.clear();
    const run = this.#run;
    const toMs = Date.parse(person.fix.fixed_at);
    const query = new URLSearchParams({ from: iso(toMs - DAY_MS), to: iso(toMs) });
    let track;
    try {
      const answer = await fetch(`/api/track/${encodeURIComponent(person.id)}?${query}`);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      track = await answer.json();
    } catch (error) {
      return `The track could not be read (${error.message}).`;
    }
    if (run !== this.#run) return "";
    this.#drawSegments(track.segments, person, colour);
    const vague = track.vague_count ? `, ${count(track.vague_count)} too vague to draw` : "";
    const less = track.is_simplified ? ", fewer points drawn" : "";
    return `${count(track.fix_count)} fixes in 24 hours${vague}${less}`;
  }

  #drawSegments(segments, person, colour) {
    const line = segments.map((segment) => segment.map(([, latitude, longitude]) => [latitude, longitude]));
    L.polyline(line, { renderer: this.#renderer, interactive: false, color: colour, weight: 4, opacity: 0.85 }).addTo(this.#layer);
    const points = segments.flat();
    if (points.length > DOTS_UP_TO) return;
    for (const point of points) {
      L.circleMarker([point[1], point[2]], {
        radius: 3, weight: 1.2, color: colour, fillColor: "#fff", fillOpacity: 1, bubblingMouseEvents: false,
      }).bindPopup(() => fixNote(person.name, point), { minWidth: 220 }).addTo(this.#layer);
    }
  }
}

/** What is known of one fix. */
function fixNote(name, [atMs, , , speedMps, accuracyM]) {
  return element(
    "div.note-on-map",
    {},
    element("h3", {}, name),
    facts([
      ["Time", localMoment(atMs)],
      ["", utcMoment(atMs)],
      ["Speed", speed(speedMps) ?? "unknown"],
      ["Accuracy", accuracyM === null ? "unknown" : `± ${Math.round(accuracyM)} m`],
    ]),
  );
}

function count(number) {
  return number.toLocaleString("en-GB");
}

function iso(ms) {
  return new Date(ms).toISOString();
}
