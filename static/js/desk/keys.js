/** Shortcuts of one key, their help sheet, and the arrows between visits. */

import { undoLatest } from "./slips.js";

const KEPT = "desk-keys";
const sheet = document.getElementById("keys");
const toggle = document.getElementById("keys-on");

/** Listen for shortcuts; `acts` maps a key to what it does. */
export function listen(acts) {
  toggle.checked = readKept() !== "off";
  toggle.addEventListener("change", () => keep(toggle.checked ? "on" : "off"));
  const help = document.getElementById("help");
  help.hidden = false;
  help.addEventListener("click", openSheet);
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || isTyping(event)) return;
    if (arrow(event)) return event.preventDefault();
    if (!(toggle.checked || event.key === "Escape") || document.querySelector("dialog:modal")) return;
    const act = { ...acts, "?": openSheet, u: undoLatest }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function openSheet() {
  if (!sheet.open) sheet.showModal();
  document.getElementById("keys-title").focus();
}

function isTyping(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  return Boolean(event.target.closest("input, select, textarea, [contenteditable], [role=listbox]"));
}

// A browser may forbid storage: then the choice lasts as long as the page.
function readKept() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function keep(value) {
  try {
    localStorage.setItem(KEPT, value);
  } catch {
    // Nothing else to do: the switch itself holds the choice.
  }
}

/** Go from the visit that has the focus to the nearest one in the direction of an arrow. */
function arrow(event) {
  const from = event.target.closest(".ec-event[data-ref]");
  if (!from || !event.key.startsWith("Arrow")) return false;
  const next = nearestTo(from, event.key);
  if (next) moveFocus(next);
  return true;
}

function nearestTo(from, key) {
  const here = from.getBoundingClientRect();
  const sideways = key === "ArrowLeft" || key === "ArrowRight";
  const forward = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
  let best = null;
  let least = Infinity;
  for (const one of document.querySelectorAll(".ec-event[data-ref]")) {
    if (one === from) continue;
    const there = one.getBoundingClientRect();
    const across = there.left - here.left;
    const down = there.top - here.top;
    const sameColumn = Math.abs(across) < here.width / 2;
    const ahead = (sideways ? across : down) * forward;
    if (ahead <= 1 || sideways === sameColumn) continue;
    const far = sideways ? Math.abs(across) * 1000 + Math.abs(down) : Math.abs(down);
    if (far < least) [best, least] = [one, far];
  }
  return best;
}

/** Give a visit the focus, and make it the one that Tab comes back to. */
export function moveFocus(visit) {
  visit.focus();
  rove(visit);
}

/** Let Tab reach one visit only: the arrows lead to the others. */
export function rove(chosen) {
  const all = [...document.querySelectorAll(".ec-event[data-ref]")];
  const stop = all.includes(chosen) ? chosen : firstByTime(all);
  for (const one of all) one.tabIndex = one === stop ? 0 : -1;
}

/** Give the visit that Tab reaches the focus; false where there is none. */
export function enter() {
  const stop = document.querySelector(".ec-event[data-ref][tabindex='0']");
  stop?.focus();
  return Boolean(stop);
}

function firstByTime(all) {
  const place = (one) => one.getBoundingClientRect();
  return all.sort((a, b) => place(a).top - place(b).top || place(a).left - place(b).left)[0];
}
