/** The colours of the page's theme, and one that stays with each person. */

const HUES = 8;

/** The theme's colours now, from the style sheet. */
export function theme() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    people: Array.from({ length: HUES }, (_, number) => read(`person-${number}`)),
    stale: read("stale"),
    rim: read("rim"),
    stop: read("stop"),
    grid: read("grid"),
    gridStrong: read("grid-strong"),
    gridText: read("grid-text"),
    ink: read("ink"),
  };
}

/** Which of the colours is a person's: always the same one. */
export function hueOf(id) {
  let hash = 2166136261;
  for (let place = 0; place < id.length; place++) hash = Math.imul(hash ^ id.charCodeAt(place), 16777619);
  hash ^= hash >>> 15;
  return (hash >>> 0) % HUES;
}

/** Call back whenever the theme changes between light and dark. */
export function onThemeChange(callback) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
}
