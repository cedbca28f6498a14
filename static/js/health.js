/**
 * Keeps the health check free of contradictions while it is filled in: "none of these" clears the
 * other boxes of its group, and any other box clears it. The server checks the same again.
 */

const NONE = "[data-none]";
const DECLARATION = "[data-none-left]";

const otherBoxes = (group) =>
  [...group.querySelectorAll("input[type=checkbox][data-tick]")].filter((box) => !box.matches(NONE));

function isAnswered(group) {
  return [...group.querySelectorAll("input[type=checkbox]")].some((box) => box.checked);
}

function keepExclusive(group, changed) {
  if (!changed.checked) return;
  if (changed.matches(NONE)) {
    for (const box of otherBoxes(group)) box.checked = false;
    return;
  }
  const none = group.querySelector(NONE);
  if (none && changed.matches("[data-tick]")) none.checked = false;
}

/** The closing declaration is needed only while a group has no answer; it is never hidden. */
export function declarationIsNeeded(form) {
  return [...form.querySelectorAll("[data-group]")].some((group) => !isAnswered(group));
}

function onChange(event) {
  const form = event.target.closest("[data-health-check]");
  if (!form) return;
  const group = event.target.closest("[data-group]");
  if (group) keepExclusive(group, event.target);
  const declaration = form.querySelector(DECLARATION)?.closest("[data-declaration]");
  declaration?.classList.toggle("tick--spare", !declarationIsNeeded(form));
}

// Heard on the whole page: the questions may come into it later.
document.addEventListener("change", onChange);
