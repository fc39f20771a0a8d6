/** The card of the selected person. */

import { byId, distance, element, facts, speed } from "./page-parts.js";
import { freshness } from "./people.js";
import { doing } from "./drawing.js";
import { ago, lasted, localMoment, serverNow, shortMoment, utcMoment } from "./time.js";

export class Card {
  #on;
  #trackSentence = "";

  /** @param {{close: Function, follow: Function, zoom: Function}} on what the buttons do */
  constructor(on) {
    this.#on = on;
    byId("card").addEventListener("keydown", (event) => event.key === "Escape" && on.close());
  }

  /** Say something about the track below the facts. */
  tellTrack(sentence) {
    this.#trackSentence = sentence;
    const line = byId("card").querySelector(".track-line");
    if (line) line.textContent = sentence;
  }

  /** Show a person, or nobody. The buttons keep the keyboard's focus when only facts change. */
  show(person, isFollowed) {
    const card = byId("card");
    card.hidden = !person;
    if (!person) {
      card.replaceChildren();
      delete card.dataset.id;
      return;
    }
    if (card.dataset.id !== person.id) this.#build(card, person);
    card.dataset.age = freshness(person, serverNow());
    card.querySelector("h2").textContent = person.name;
    card.querySelector(".card-age").textContent = person.fix ? `last heard ${ago(person.heardMs)}` : "never heard";
    card.querySelector(".facts").replaceWith(factsOf(person));
    const follow = card.querySelector(".follow");
    follow.setAttribute("aria-pressed", String(isFollowed));
    follow.textContent = isFollowed ? "Following" : "Follow";
  }

  #build(card, person) {
    card.dataset.id = person.id;
    this.#trackSentence = "";
    const button = (name, text, action) => {
      const made = element(`button.${name}`, { type: "button" }, text);
      made.addEventListener("click", action);
      return made;
    };
    const close = button("close", "×", () => this.#on.close());
    close.setAttribute("aria-label", "Close");
    card.replaceChildren(
      element("header", {}, element("h2"), close),
      element("p.card-age"),
      element("dl.facts"),
      element("p.track-line", { role: "status" }, this.#trackSentence),
      element(
        "div.actions",
        {},
        button("follow", "Follow", () => this.#on.follow()),
        button("zoom", "Zoom to", () => this.#on.zoom()),
      ),
    );
  }
}

function factsOf(person) {
  const fix = person.fix;
  if (!fix) return facts([["Place", "not reported yet"]]);
  const fixedMs = Date.parse(fix.fixed_at);
  const trip = person.trip;
  return facts([
    ["Now", doing(person)],
    ["Measured", localMoment(fixedMs)],
    ["", utcMoment(fixedMs)],
    ["Clock", fix.clock_ok ? null : `wrong; the server received it ${shortMoment(Date.parse(fix.server_at))}`],
    ["Speed", speed(fix.speed_mps) ?? "unknown"],
    ["Accuracy", fix.accuracy_m === null ? "unknown" : `± ${Math.round(fix.accuracy_m)} m`],
    ["Battery", fix.battery_pct === null ? null : `${Math.round(fix.battery_pct)} %`],
    ["Activity", fix.activity],
    ["Last trip", trip && `${distance(trip.distance_m)} in ${lasted(Date.parse(trip.ended_at) - Date.parse(trip.started_at))}`],
  ]);
}
