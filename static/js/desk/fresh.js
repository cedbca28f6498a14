/**
 * Keeps the visit in the drawer true. What this desk changed in the calendar shows at once; what
 * another desk changed is told at the lower edge, so that no button changes under a finger.
 */

import { isWholePage } from "../whole-page.js";

const body = document.getElementById("panel-body");
const onItsWay = new WeakSet();

const shown = () => body.querySelector("[data-visit]");

function isStale(visit, sequence) {
  return Boolean(visit) && Number(sequence) > Number(visit.dataset.sequence);
}

function isTyped(visit) {
  return [...visit.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
}

function tellStale(visit) {
  visit.querySelector("[data-stale]").hidden = false;
}

async function showAnew(visit) {
  onItsWay.add(visit);
  const answer = await fetch(visit.dataset.address, {
    headers: { "HX-Request": "true", "HX-Target": "panel-body" },
  }).catch(() => null);
  const text = answer?.ok ? await answer.text() : "";
  // Meanwhile something else may have been opened, and a login is no part of the drawer.
  if (!visit.isConnected) return;
  onItsWay.delete(visit);
  if (!text || isWholePage(text)) return tellStale(visit);
  const hadFocus = body.contains(document.activeElement);
  body.innerHTML = text;
  htmx.process(body);
  if (hadFocus) document.getElementById("panel-title").focus();
}

// A drag or an undo of this desk.
document.addEventListener("visit-changed", ({ detail }) => {
  const visit = shown();
  if (visit?.dataset.visit !== detail.reference || !isStale(visit, detail.sequence)) return;
  if (isTyped(visit)) tellStale(visit);
  else showAnew(visit);
});

// The calendar has taken a new state.
document.addEventListener("diary-taken", ({ detail }) => {
  const visit = shown();
  const now = detail.visits.find((one) => one.id === visit?.dataset.visit);
  if (now && isStale(visit, now.sequence) && !onItsWay.has(visit)) tellStale(visit);
});
