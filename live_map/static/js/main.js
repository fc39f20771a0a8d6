/** The live map: connects the feed with what is drawn and listed. folium has made the map and its layers. */

import { Card } from "./card.js";
import { hueOf, theme } from "./colours.js";
import { Drawing } from "./drawing.js";
import { Feed } from "./feed.js";
import { addGraticule } from "./graticule.js";
import { Lists } from "./lists.js";
import { byId, setText } from "./page-parts.js";
import { People } from "./people.js";
import { SelectedTrack } from "./track.js";
import { serverNow, setServerTime, shortMoment } from "./time.js";

const AGES_EVERY_MS = 5_000;
const isNarrow = matchMedia("(max-width: 760px)");
const { map, layers, hasTiles } = window.itrackPage;

map.attributionControl.setPrefix('<a href="/static/vendor/leaflet/LICENSE">Leaflet</a>');
if (!hasTiles) addGraticule(map);

const people = new People();
const lists = new Lists(people, { person: (id) => select(id, { isFromList: true }), stop: (stop) => drawing.openStop(stop) });
const drawing = new Drawing({ map, layers }, people, { onSelect: (id) => select(id), onMoved: moved });
const track = new SelectedTrack(layers.track, drawing.trailRenderer);
const card = new Card({ close: () => select(null), follow: () => setFollowing(!isFollowing), zoom: zoomToSelected });

let selectedId = null;
let isFollowing = false;
let isFirstState = true;
let lostAtMs = null;
let countdown = null;

new Feed({
  clock: setServerTime,
  state(state) {
    people.load(state);
    drawing.reset();
    lists.refresh();
    card.show(selected(), isFollowing);
    if (isFirstState) requestAnimationFrame(() => showAll());
    isFirstState = false;
    welcome();
  },
  news(news) {
    drawing.redraw(people.apply(news));
    lists.refresh();
    welcome();
  },
  status: tellStatus,
}).start();

setInterval(() => {
  drawing.redrawAll();
  lists.refresh();
  card.show(selected(), isFollowing);
}, AGES_EVERY_MS);

byId("show-all").addEventListener("click", () => {
  setFollowing(false);
  showAll();
});
byId("sheet-toggle").addEventListener("click", () => {
  foldLists(byId("sheet-toggle").getAttribute("aria-expanded") === "true");
});
map.on("dragstart", () => setFollowing(false));
new ResizeObserver(() => map.invalidateSize()).observe(map.getContainer());

function selected() {
  return selectedId === null ? null : people.byId.get(selectedId) ?? null;
}

async function select(id, { isFromList = false } = {}) {
  if (id !== selectedId) setFollowing(false);
  selectedId = id;
  const person = selected();
  drawing.select(id);
  lists.select(id);
  card.show(person, isFollowing);
  if (!person?.fix) {
    track.clear();
    return;
  }
  if (isFromList) {
    zoomToSelected();
    foldLists(isNarrow.matches);
  }
  const sentence = await track.show(person, theme().people[hueOf(id)]);
  if (id !== selectedId) return;
  drawing.select(id);
  card.tellTrack(sentence);
  if (isFromList && !isFollowing && track.bounds()) fit(track.bounds());
}

function zoomToSelected() {
  const fix = selected()?.fix;
  if (fix) map.setView([fix.latitude_deg, fix.longitude_deg], Math.max(map.getZoom(), 15));
}

function setFollowing(follows) {
  isFollowing = follows;
  card.show(selected(), isFollowing);
  if (follows) zoomToSelected();
}

function moved(drawn) {
  const person = drawn.find((each) => each.id === selectedId);
  if (!person) return;
  card.show(person, isFollowing);
  if (isFollowing) map.panTo([person.fix.latitude_deg, person.fix.longitude_deg]);
}

function showAll() {
  const bounds = drawing.bounds();
  if (bounds) fit(bounds);
}

/** Move the map so that all of it is seen between the controls and the card. */
function fit(bounds) {
  const besideCard = byId("card").hidden || isNarrow.matches ? 40 : 370;
  const aboveCard = byId("card").hidden || !isNarrow.matches ? 50 : Math.min(330, map.getSize().y / 2);
  map.fitBounds(bounds, { paddingTopLeft: [besideCard, 70], paddingBottomRight: [isNarrow.matches ? 110 : 160, aboveCard], maxZoom: 16 });
}

function foldLists(isFolded) {
  byId("sheet-toggle").setAttribute("aria-expanded", String(!isFolded));
  byId("panel").classList.toggle("is-folded", isFolded);
  map.invalidateSize();
}

function welcome() {
  byId("welcome").hidden = [...people.byId.values()].some((person) => person.fix);
}

function tellStatus(status) {
  clearInterval(countdown);
  byId("badge").dataset.kind = status.kind;
  const banner = byId("banner");
  if (status.kind === "lost") {
    lostAtMs ??= serverNow();
    setText(banner, `${status.detail} What you see is from ${shortMoment(lostAtMs)}.`);
    const tell = () => {
      const seconds = Math.max(0, Math.ceil((status.retryAtMs - Date.now()) / 1000));
      setText(byId("badge-text"), seconds ? `Lost, retry in ${seconds} s` : "Reconnecting …");
    };
    tell();
    countdown = setInterval(tell, 1000);
  } else {
    lostAtMs = null;
    setText(byId("badge-text"), status.kind === "live" ? "Live" : "Delayed");
    setText(banner, status.kind === "live" ? "" : `The page is connected, but nothing new arrives. ${status.detail}`);
  }
  banner.hidden = !banner.textContent;
}
