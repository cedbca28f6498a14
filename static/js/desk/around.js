/** What stands around the grid: title, links, choices, and whether all is up to date. */

import { say } from "./words.js";

const siteName = document.title.split(" – ").slice(1).join(" – ");

/** Bring everything around the grid up to `diary`; `only` is the one column in sight, if it is one. */
export function frame(diary, only) {
  const { links } = diary;
  text("title", diary.title);
  text("earlier-words", say(diary.week ? "week_before" : "day_before"));
  text("later-words", say(diary.week ? "week_after" : "day_after"));
  document.title = `${diary.title} – ${siteName}`;
  document.getElementById("is-today").hidden = !diary.is_today;
  for (const name of ["earlier", "later", "now"]) document.getElementById(name).href = links[name];
  for (const name of ["day", "rooms", "week", "list"]) {
    document.getElementById(`view-${name}`).href = links[name];
  }
  const here = diary.week ? "week" : diary.by === "room" ? "rooms" : "day";
  for (const tab of document.querySelectorAll(".diary__view")) {
    if (tab.id === `view-${here}`) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  for (const [path, isHere] of [["day", !diary.week], ["week", diary.week]]) {
    const entry = document.querySelector(`.desk-bar a[data-here="${path}"]`);
    if (isHere) entry?.setAttribute("aria-current", "page");
    else entry?.removeAttribute("aria-current");
  }
  document.getElementById("live-login").href = links.here;
  text("absent", diary.absent.length ? say("absent", { names: diary.absent.join(", ") }) : "");
  emptiness(diary);
  choices(diary, only);
}

/** What to do where the grid shows nothing. */
function emptiness(diary) {
  const none = !diary.week && !diary.columns.length ? "nobody" : "empty";
  const isEmpty = none === "nobody" || !diary.visits.length;
  document.getElementById("empty").hidden = !isEmpty;
  text("empty", isEmpty ? say(none) : "");
}

function text(id, words) {
  const el = document.getElementById(id);
  if (el && el.textContent !== words) el.textContent = words;
}

/** Whom one may look at alone. */
function choices(diary, only) {
  document.getElementById("who-box").hidden = diary.by === "room";
  const who = document.getElementById("who");
  const options = diary.therapists.map((one) => new Option(one.name, one.key));
  if (!diary.week) options.unshift(new Option(say("everybody"), ""));
  // Somebody may be choosing at this very moment.
  const differ = (one, number) => one.value !== who.options[number]?.value;
  if (who.options.length !== options.length || options.some(differ)) who.replaceChildren(...options);
  who.value = diary.week ? diary.therapist : (only?.key ?? "");
}

/** Say whether the calendar is up to date; `seen` is the clock time of what it shows. */
export function showState(state, seen) {
  const el = document.getElementById("live");
  el.dataset.state = state;
  document.getElementById("live-login").hidden = state !== "ended";
  text("live-words", say(state, { time: seen }));
}
