/** Writing help: a gentle word, while somebody types, where a text promises too much. */

const data = document.getElementById("claim-rules");
const box = document.querySelector("[data-claims]");
const rules = data ? JSON.parse(data.textContent) : [];
const looks = rules.map((rule) => ({
  rule,
  pattern: new RegExp(rule.pattern, "gi"),
  unless: rule.unless ? new RegExp(rule.unless, "gi") : null,
}));

function found(text) {
  return looks.flatMap(({ rule, pattern, unless }) => {
    const fine = unless ? [...text.matchAll(unless)] : [];
    const inside = (at) => fine.some((one) => one.index <= at && at < one.index + one[0].length);
    return [...text.matchAll(pattern)]
      .filter((match) => !inside(match.index))
      .map((match) => ({ words: match[0].replace(/\s+/g, " "), rule }));
  });
}

function textOf(field) {
  if (!field.hasAttribute("data-django-prose-editor-configurable")) return field.value;
  const read = document.createElement("template");
  read.innerHTML = field.value.replace(/<\/(p|h\d|li|td|th|div)>/g, "$&\n");
  return read.content.textContent;
}

function labelOf(field) {
  return field.labels?.[0]?.textContent.replace(/:\s*$/, "").trim() ?? "";
}

const fields = () =>
  [...document.querySelectorAll("#content-main form :is(input[type=text], textarea)")].filter(
    (field) => field.name && !field.name.includes("__prefix__") && !field.name.endsWith("slug"),
  );

function line(one) {
  const item = box.querySelector("template").content.firstElementChild.cloneNode(true);
  item.querySelector("[data-claim=words]").textContent = `“${one.words}”`;
  item.querySelector("[data-claim=where]").textContent = one.where;
  item.querySelector("[data-claim=why]").textContent = one.rule.why;
  item.querySelector("[data-claim=instead]").textContent = one.rule.instead;
  return item;
}

let shown = "";

function look() {
  const all = fields().flatMap((field) =>
    found(textOf(field)).map((one) => ({ ...one, where: labelOf(field) })),
  );
  const once = [...new Map(all.map((one) => [one.words.toLowerCase() + one.where, one])).values()];
  const now = JSON.stringify(once.map((one) => [one.words, one.where]));
  if (now === shown) return;
  shown = now;
  box.hidden = once.length === 0;
  box.querySelector("ul").replaceChildren(...once.slice(0, 12).map(line));
}

let waiting;

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(look, 500);
}

if (box) {
  document.addEventListener("input", soon);
  // The editor writes into its hidden field a moment after each key.
  document.addEventListener("keyup", soon);
  document.addEventListener("prose-editor:ready", soon);
  look();
}
