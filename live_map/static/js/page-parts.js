/** Small helpers to build the page. Text is always set as text, never as HTML: names come from phones. */

/** The element with that id. */
export const byId = (id) => document.getElementById(id);

/**
 * A new element.
 * @param {string} tag such as `p` or `button.primary`
 * @param {object} attributes such as `{ type: "button" }`; a null value leaves the attribute out
 * @param {...(Node|string|null)} children text and elements
 */
export function element(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Set the text of an element only when it changes, so that screen readers are not told twice. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A list of names and values. @param {Array<[string, string|Node|null]>} facts those without a value are left out */
export function facts(pairs) {
  const list = element("dl.facts");
  for (const [name, value] of pairs) {
    if (value !== null && value !== undefined) list.append(element("dt", {}, name), element("dd", {}, value));
  }
  return list;
}

/** Metres per second as people say it: `4.3 km/h`. */
export function speed(mps) {
  return mps === null || mps === undefined ? null : `${(mps * 3.6).toFixed(1)} km/h`;
}

/** A distance: `85 m`, `2.4 km`. */
export function distance(m) {
  return m < 1000 ? `${Math.round(m)} m` : `${(m / 1000).toFixed(1)} km`;
}
