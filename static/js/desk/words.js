/** The page's data and words, which the template renders as JSON. */

export function dataOf(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const words = dataOf("diary-words");

/** The words of `key`, with `{name}` and the like filled in. */
export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_whole, name) => values[name] ?? "");
}
