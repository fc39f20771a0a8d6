/** The plain background: lines of latitude and longitude, as far apart as suits the zoom. */

import { onThemeChange, theme } from "./colours.js";

const STEPS_DEG = [30, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];
const LEAST_APART_PX = 90;

const Graticule = L.Layer.extend({
  onAdd(map) {
    this._canvas = L.DomUtil.create("canvas", "graticule", map.getPane("graticule"));
    this._canvas.setAttribute("aria-hidden", "true");
    map.on("move resize viewreset zoomend", this._draw, this);
    map.on("zoomanim", this._hide, this);
    onThemeChange(() => this._draw());
    this._draw();
  },

  _hide() {
    this._canvas.style.opacity = "0";
  },

  _draw() {
    const map = this._map;
    const size = map.getSize();
    const sharpness = devicePixelRatio || 1;
    const canvas = this._canvas;
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    canvas.style.opacity = "1";
    canvas.width = size.x * sharpness;
    canvas.height = size.y * sharpness;
    canvas.style.width = `${size.x}px`;
    canvas.style.height = `${size.y}px`;
    const pen = canvas.getContext("2d");
    pen.scale(sharpness, sharpness);
    pen.font = "11px system-ui, sans-serif";
    pen.textBaseline = "top";
    const colours = theme();
    const bounds = map.getBounds();
    const step = stepFor(map);
    const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    this._lines(pen, colours, bounds.getWest(), bounds.getEast(), step, (degrees, isStrong) => {
      const x = Math.round(map.latLngToContainerPoint([0, degrees]).x) + 0.5;
      stroke(pen, colours, isStrong, x, 0, x, size.y);
      const turned = ((((degrees + 180) % 360) + 360) % 360) - 180;
      label(pen, colours, named(turned, decimals, "E", "W"), x + 5, 5);
    });
    this._lines(pen, colours, Math.max(-85, bounds.getSouth()), Math.min(85, bounds.getNorth()), step, (degrees, isStrong) => {
      const y = Math.round(map.latLngToContainerPoint([degrees, bounds.getWest()]).y) + 0.5;
      stroke(pen, colours, isStrong, 0, y, size.x, y);
      if (y > 24) label(pen, colours, named(degrees, decimals, "N", "S"), 6, y + 4);
    });
  },

  _lines(pen, colours, from, to, step, draw) {
    for (let number = Math.ceil(from / step); number * step <= to; number++) draw(number * step, number % 5 === 0);
  },
});

/** Put the background under everything else on the map. */
export function addGraticule(map) {
  const pane = map.createPane("graticule");
  pane.style.zIndex = "150";
  pane.style.pointerEvents = "none";
  new Graticule().addTo(map);
}

function stepFor(map) {
  const pixelsPerDegree = (256 * 2 ** map.getZoom()) / 360;
  return STEPS_DEG.findLast((step) => step * pixelsPerDegree >= LEAST_APART_PX) ?? STEPS_DEG[0];
}

function stroke(pen, colours, isStrong, fromX, fromY, toX, toY) {
  pen.strokeStyle = isStrong ? colours.gridStrong : colours.grid;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(fromX, fromY);
  pen.lineTo(toX, toY);
  pen.stroke();
}

function label(pen, colours, text, x, y) {
  pen.fillStyle = colours.gridText;
  pen.fillText(text, x, y);
}

function named(degrees, decimals, positive, negative) {
  const text = Math.abs(degrees).toFixed(decimals);
  return Number(text) === 0 ? "0°" : `${text}° ${degrees > 0 ? positive : negative}`;
}
