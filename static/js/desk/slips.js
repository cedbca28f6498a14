/** Short news at the edge of the page, with an undo where there is one. */

import { say } from "./words.js";

const STAYS = { status: 10_000, alert: 20_000 };
// The mail about a change waits as long.
const UNDO_STAYS = 60_000;
const box = document.getElementById("slips");
let latest = null;

/**
 * Tell what was done; `undo` is called when the person takes it back. `of` and `sequence` say which
 * visit the undo is of and how it stands now.
 */
export function tell(text, { undo = null, more = "", of = "", sequence = 0 } = {}) {
  dropAll(".slip--alert");
  if (undo) {
    dropAll("[data-undo]");
    latest = { undo, of, sequence, until: Date.now() + UNDO_STAYS };
  }
  return show(text, { undo, more, role: "status" });
}

/** Tell at once that something was refused or failed; `choices` are ways on, `[words, act]`. */
export function alarm(text, { choices = [] } = {}) {
  dropAll(".slip--alert");
  return show(text, { choices, role: "alert" });
}

/** Take the last change back, by key, also where its slip was closed; says where there is none. */
export function undoLatest() {
  const isAtHand = latest && (box.querySelector("[data-undo]") || Date.now() < latest.until);
  if (isAtHand) takeLatestBack();
  else tell(say("nothing_to_undo"));
}

/** Offer no more to undo what has been followed by another change of the same visit. */
export function spend(reference, sequence) {
  if (latest?.of !== reference || latest.sequence >= sequence) return;
  latest = null;
  dropAll("[data-undo]");
}

function takeLatestBack() {
  const { undo } = latest;
  latest = null;
  dropAll("[data-undo]");
  undo();
}

function dropAll(which) {
  for (const slip of box.querySelectorAll(which)) slip.remove();
}

function show(text, { undo = null, more = "", choices = [], role }) {
  while (box.querySelectorAll(".slip:not([data-undo])").length > 1) {
    box.querySelector(".slip:not([data-undo])").remove();
  }
  const slip = element("div", `slip slip--${role}`);
  const words = element("div", "slip__words");
  words.append(element("p", "slip__text", text));
  if (more) words.append(element("p", "slip__more", more));
  if (choices.length) words.append(waysOn(slip, choices));
  slip.append(words);
  if (undo) slip.append(undoButton(slip));
  slip.append(closeButton(slip));
  host().append(box);
  box.append(slip);
  // Said once it is there: a role that comes with its text is not heard by every reader.
  words.setAttribute("role", role);
  keepWhileLookedAt(slip, undo ? UNDO_STAYS : STAYS[role]);
  return slip;
}

function waysOn(slip, choices) {
  const list = element("ul", "slip__choices");
  for (const [label, act] of choices) {
    const button = element("button", "btn", label);
    button.type = "button";
    button.addEventListener("click", () => {
      slip.remove();
      act();
    });
    const item = element("li", "");
    item.append(button);
    list.append(item);
  }
  return list;
}

function undoButton(slip) {
  slip.dataset.undo = "";
  const button = element("button", "btn slip__undo", say("undo"));
  button.type = "button";
  button.addEventListener("click", takeLatestBack);
  return button;
}

function closeButton(slip) {
  const button = element("button", "slip__close", "×");
  button.type = "button";
  button.setAttribute("aria-label", say("dismiss"));
  button.addEventListener("click", () => slip.remove());
  return button;
}

/** What is open as a modal dialog makes everything outside it unreachable. */
function host() {
  return document.querySelector("dialog:modal") ?? document.body;
}

document.addEventListener("close", () => document.body.append(box), true);

function keepWhileLookedAt(slip, stays) {
  let timer = setTimeout(() => slip.remove(), stays);
  const stop = () => clearTimeout(timer);
  const start = () => {
    stop();
    timer = setTimeout(() => slip.remove(), stays);
  };
  slip.addEventListener("pointerenter", stop);
  slip.addEventListener("focusin", stop);
  slip.addEventListener("pointerleave", start);
  slip.addEventListener("focusout", start);
}

export function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
