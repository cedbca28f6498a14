/** Moving a visit by dragging: the server decides, and a refusal goes back and says why. */

import { post } from "./send.js";
import { alarm, element, tell } from "./slips.js";
import { instantOf, minutesBetween, wallClock } from "./times.js";
import { say } from "./words.js";

/**
 * Return what the calendar calls after a drag. `desk` has `diary()`, `paths`, `live`,
 * `own(reference, sequence)` and `ended()`.
 */
export function placing(desk) {
  return async function place(info) {
    if (stays(info)) return;
    const release = desk.live.hold();
    try {
      await send(desk, info, wished(desk, info));
    } finally {
      release();
    }
  };
}

/** Whether a visit was put back to where it was taken from. */
function stays({ event, oldEvent, newResource }) {
  const same = (name) => event[name].getTime() === oldEvent[name].getTime();
  return !newResource && same("start") && same("end");
}

function wished(desk, { event, oldEvent, newResource }) {
  const { visit } = event.extendedProps;
  const diary = desk.diary();
  const [start, before] = [wallClock(event.start), wallClock(oldEvent.start)];
  const wish = {
    // Where only the end moved, the instant is kept: the clock may show its time twice.
    start: start === before ? visit.at : instantOf(start, diary.zone),
    therapist: visit.therapist,
    sequence: visit.sequence,
  };
  const minutes = minutesBetween(event.start, event.end);
  if (minutes !== minutesBetween(oldEvent.start, oldEvent.end)) wish.minutes = minutes;
  if (diary.by === "room") wish.room = visit.room;
  const key = newResource?.extendedProps?.column?.key;
  if (key) wish[diary.by === "room" ? "room" : "therapist"] = key;
  return wish;
}

async function send(desk, info, wish) {
  const { visit } = info.event.extendedProps;
  const url = desk.paths.place.replace(desk.paths.any, visit.id);
  const { status, data } = await post(url, wish);
  if (status === 200) return done(desk, data);
  if (status === 409 && data.rules?.length && !wish.reason) {
    const reason = await askReason(data.rules);
    if (reason) return send(desk, info, { ...wish, reason });
    return info.revert();
  }
  info.revert();
  if (status === 403) return desk.ended();
  if (status === 0) return alarm(say("failed"));
  // Another day is no answer to a visit that only needs to last longer.
  const nearest = wish.start === visit.at && wish.minutes ? [] : (data.nearest ?? []);
  const choices = nearest.map(({ at, words }) => [words, () => instead(desk, url, { ...wish, start: at })]);
  return alarm(data.message ?? say("trouble"), { choices });
}

/** Put a visit at one of the free times that were offered for the one that was not. */
async function instead(desk, url, wish) {
  const { status, data } = await post(url, wish);
  if (status === 200) done(desk, data);
  else if (status === 403) desk.ended();
  else alarm(status === 0 ? say("failed") : (data.message ?? say("trouble")));
  desk.live.now();
}

function done(desk, data) {
  desk.own(data.reference, data.sequence);
  tell(data.news, {
    more: data.more,
    undo: data.undo ? () => takeBack(desk, data) : null,
    of: data.reference,
    sequence: data.sequence,
  });
}

/** Take the change that `undo` and `sequence` tell of back. */
export async function takeBack(desk, change) {
  const { status, data } = await post(change.undo, change.sent ?? { sequence: change.sequence });
  if (status === 200) {
    if (data.reference) desk.own(data.reference, data.sequence);
    for (const [reference, sequence] of data.changes ?? []) desk.own(reference, sequence);
    tell(data.news);
  } else if (status === 403) {
    desk.ended();
  } else if (status === 0) {
    alarm(say("failed"), { choices: [[say("undo"), () => takeBack(desk, change)]] });
  } else {
    alarm(data.message ?? say("trouble"));
  }
  desk.live.now();
}

/** Ask for the reason of a move that breaks `rules`; empty where it is left. */
function askReason(rules) {
  const dialog = document.getElementById("reason");
  const text = document.getElementById("reason-text");
  text.value = "";
  document
    .getElementById("reason-rules")
    .replaceChildren(...rules.map((rule) => element("li", "", rule)));
  dialog.returnValue = "";
  dialog.showModal();
  document.getElementById("reason-title").focus();
  return new Promise((answer) => {
    const heard = () => answer(dialog.returnValue === "move" ? text.value.trim() : "");
    dialog.addEventListener("close", heard, { once: true });
  });
}

document.getElementById("reason").addEventListener("click", (event) => {
  const quick = event.target.closest("[data-reason]");
  if (!quick) return;
  document.getElementById("reason-text").value = quick.dataset.reason;
  document.getElementById("reason-form").requestSubmit(
    document.querySelector("#reason-form [value=move]"),
  );
});
