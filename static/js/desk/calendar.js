/** The desk's calendar: draws the diary, goes from day to day, and keeps itself up to date. */

import { frame, showState } from "./around.js";
import { columnHead, contentOf, dress, toBand, toVisit } from "./draw.js";
import { enter, listen, rove } from "./keys.js";
import { Live } from "./live.js";
import { news } from "./news.js";
import { closePanel, isOpen, openPanel, openUrl } from "./panel.js";
import { placing, takeBack } from "./place.js";
import { alarm, spend, tell } from "./slips.js";
import { clockIn, instantOf, present, setClock, wallClock, wallClockIn } from "./times.js";
import { dataOf, say } from "./words.js";

const FINE = "00:05:00";
const COARSE = "00:15:00";
const LEAST_HOUR = 52;
const MOST_HOUR = 96;
const SWIPE = 60;
const AWAY = 503;

const paths = dataOf("diary-paths");
const place = document.getElementById("calendar");
const narrow = matchMedia("(max-width: 47.99rem)");
let diary = dataOf("diary-data");
setClock(diary.now);
let everybody = false;
let drawn = new Map();
let going = Promise.resolve();
const owned = new Map();

const live = new Live({ onChange: take, onState: tellState });
const desk = { diary: () => diary, paths, live, own, ended };
const put = placing(desk);
let release = null;

const hold = () => (release ??= live.hold());
const letGo = () => {
  release?.();
  release = null;
};

const calendar = EventCalendar.create(place, {
  ...options(),
  headerToolbar: { start: "", center: "", end: "" },
  allDaySlot: false,
  // Its own line goes by the clock and the zone of this computer, which may be others.
  nowIndicator: false,
  locale: document.documentElement.lang,
  slotDuration: "00:30:00",
  slotLabelInterval: "01:00:00",
  slotLabelFormat: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  dayHeaderFormat: { weekday: "short", day: "numeric", month: "short" },
  slotEventOverlap: false,
  snapDuration: COARSE,
  columnWidth: "minmax(var(--diary-column), 1fr)",
  editable: true,
  selectable: true,
  longPressDelay: 450,
  eventContent: contentOf,
  resourceLabelContent: columnHead,
  eventDidMount: ({ event, el }) => mounted(event, el),
  eventAllUpdated: () => refresh(),
  eventClick: ({ event, el }) => openVisit(event.extendedProps.visit, el),
  eventDragStart: hold,
  eventResizeStart: hold,
  eventDragStop: letGo,
  eventResizeStop: letGo,
  eventDrop: put,
  eventResize: put,
  dateClick: ({ date, resource, jsEvent }) => bookAt(date, null, resource, jsEvent),
  select: ({ start, end, resource, jsEvent }) => bookAt(start, end, resource, jsEvent),
});

function options() {
  const columns = shownColumns();
  return {
    view: diary.week ? "timeGridWeek" : "resourceTimeGridDay",
    date: diary.first,
    firstDay: new Date(`${diary.first}T12:00:00`).getDay(),
    timeZone: diary.offset,
    slotMinTime: `${diary.opens}:00:00`,
    slotMaxTime: `${diary.closes}:00:00`,
    slotHeight: slotHeight(),
    scrollTime: scrollTime(),
    resources: columns.map((column) => ({ id: column.id, title: column.name, extendedProps: { column } })),
    events: all().map(([, input]) => input),
  };
}

/** The one column in sight, where it is one. */
function only() {
  const columns = shownColumns();
  return columns.length === 1 ? columns[0] : null;
}

/** Note a change that this desk has made: it is no news, and the drawer shows it at once. */
function own(reference, sequence) {
  owned.set(reference, sequence);
  spend(reference, sequence);
  document.dispatchEvent(new CustomEvent("visit-changed", { detail: { reference, sequence } }));
}

/** Every visit and band by its id, with what the calendar takes. */
function all() {
  const now = nowBand();
  const made = [
    [now.id, toBand(now), JSON.stringify(now)],
    ...diary.bands.map((band) => [band.id, toBand(withAddress(band)), JSON.stringify(band)]),
    ...diary.visits.map((visit) => [visit.id, toVisit(visit, diary.by), JSON.stringify(visit)]),
  ];
  drawn = new Map(made.map(([id, , text]) => [id, text]));
  return made;
}

/** The line that tells the present, across all columns. */
function nowBand() {
  const now = wallClockIn(diary.zone);
  const columns = shownColumns().map((column) => column.id);
  return { id: "now-line", kind: "now", columns, words: "", start: now, end: `${now}:59` };
}

function withAddress(band) {
  if (band.kind !== "off" || !paths.off) return band;
  return { ...band, url: paths.off.replace("/0/", `/${band.key}/`) };
}

/** The columns in sight: everybody's, the chosen one's, and on a phone one at a time. */
function shownColumns() {
  const { columns } = diary;
  if (diary.by === "room") return columns;
  const chosen = columns.filter((column) => column.key === diary.therapist);
  if (chosen.length) return chosen;
  return narrow.matches && !everybody ? columns.slice(0, 1) : columns;
}

function slotHeight() {
  const head = 64;
  const fits = (place.clientHeight - head) / (diary.closes - diary.opens);
  return Math.round(Math.min(Math.max(fits, LEAST_HOUR), MOST_HOUR) / 2);
}

function scrollTime() {
  const now = Number(clockIn(diary.zone).slice(0, 2));
  const hour = diary.is_today || diary.week ? now - 1 : diary.opens + 1;
  return `${Math.max(diary.opens, Math.min(hour, diary.closes - 4))}:00:00`;
}

// Drawing

function mounted(event, el) {
  const { visit } = event.extendedProps;
  if (!visit || event.display !== "auto") {
    el.setAttribute("aria-hidden", "true");
    el.removeAttribute("tabindex");
    el.removeAttribute("role");
    return;
  }
  dress(el, visit, present());
  if (!visit.opens) el.removeAttribute("role");
}

/** What the time alone changes: who is late, and which visit Tab reaches. */
function refresh() {
  const visits = new Map(diary.visits.map((visit) => [visit.id, visit]));
  for (const el of place.querySelectorAll(".ec-event[data-ref]")) {
    const visit = visits.get(el.dataset.ref);
    if (visit) dress(el, visit, present());
  }
  for (const head of place.querySelectorAll(".ec-col-head")) {
    const on = head.querySelector("time")?.dateTime ?? "";
    head.toggleAttribute("data-today", diary.week && on.startsWith(diary.today));
  }
  rove(place.contains(document.activeElement) ? document.activeElement : null);
  markOpen();
}

function tick() {
  // Nothing is drawn anew under the pointer.
  if (!release) redraw();
  refresh();
}

/** Show which visit the drawer tells of. */
function markOpen() {
  for (const el of place.querySelectorAll(".ec-event[data-ref]")) {
    el.toggleAttribute("data-open", openUrl().includes(`/${el.dataset.ref}/`));
  }
}

/** Show another state of the same days: only what changed is drawn anew. */
function redraw() {
  const before = drawn;
  const focused = document.activeElement?.dataset.ref;
  const now = all();
  const kept = new Set(now.map(([id]) => id));
  for (const id of before.keys()) if (!kept.has(id)) calendar.removeEventById(id);
  for (const [id, input, text] of now) {
    if (!before.has(id)) calendar.addEvent(input);
    else if (before.get(id) !== text) calendar.updateEvent(input);
  }
  if (focused) requestAnimationFrame(() => document.getElementById(`visit-${focused}`)?.focus());
}

/** Take what the feed brought: draw it, say it, mark it. */
function take(fresh) {
  const before = diary;
  diary = fresh;
  document.dispatchEvent(new CustomEvent("diary-taken", { detail: fresh }));
  setClock(diary.now);
  const sameGrid = ["opens", "closes", "first", "by", "week"].every((key) => before[key] === fresh[key]);
  if (JSON.stringify(before.columns) !== JSON.stringify(fresh.columns) || !sameGrid) reset();
  else redraw();
  frame(diary, only());
  const changes = news(before, fresh, owned);
  if (changes.words) document.getElementById("said").textContent = changes.words;
  requestAnimationFrame(() => changes.marked.forEach(markNew));
  refreshStrip();
}

function markNew(reference) {
  const el = document.getElementById(`visit-${reference}`);
  if (!el) return;
  el.classList.add("is-news");
  setTimeout(() => el.classList.remove("is-news"), 6000);
}

function reset() {
  for (const [name, value] of Object.entries(options())) calendar.setOption(name, value);
}

// From day to day

/**
 * Show what `url` shows, without loading the page anew. One after the other: three times "later"
 * are three days, so a function is asked for its address only when it is its turn.
 */
function go(url, how) {
  const next = () => visit(typeof url === "function" ? url() : url, how);
  // One day that cannot be shown must not keep one from every other.
  going = going.then(next).catch(() => alarm(say("panel_failed")));
  return going;
}

async function visit(url, { push = true } = {}) {
  const asked = new URL(url, location.href);
  const days = asked.pathname === new URL(paths.week, location.href).pathname ? "7" : "";
  const feed = new URL(paths.feed, location.href);
  feed.search = asked.search;
  if (days) feed.searchParams.set("days", days);
  try {
    const answer = await fetch(feed, { cache: "no-store", redirect: "manual" });
    // The page of that day would only say the same, larger.
    if (answer.status === AWAY) return alarm(say("panel_failed"));
    if (!answer.ok) return location.assign(asked);
    diary = await answer.json();
  } catch {
    return alarm(say("panel_failed"));
  }
  if (push && asked.href !== location.href) history.pushState(null, "", asked);
  document.getElementById("jump").value = asked.searchParams.get("date") || diary.today;
  reset();
  frame(diary, only());
  live.watch(diary.links.feed, diary.etag);
  document.getElementById("said").textContent = diary.title;
  refreshStrip();
}

function choose(key) {
  everybody = !key;
  const url = new URL(location.href);
  if (key) url.searchParams.set("therapist", key);
  else url.searchParams.delete("therapist");
  go(url);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-go]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(() => link.href);
});

document.getElementById("jump").addEventListener("change", (event) => {
  if (!event.target.value || !event.target.validity.valid) return;
  const url = new URL(diary.links.jump, location.href);
  url.searchParams.set("date", event.target.value);
  go(url);
});

document.getElementById("jump-form").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("who").addEventListener("change", (event) => choose(event.target.value));
addEventListener("popstate", () => go(location.href, { push: false }));

let wait;
addEventListener("resize", () => {
  clearTimeout(wait);
  wait = setTimeout(() => calendar.setOption("slotHeight", slotHeight()), 150);
});
narrow.addEventListener("change", () => {
  reset();
  frame(diary, only());
});

// On a phone a swipe leads to the next therapist.
let touch = null;
place.addEventListener("touchstart", (event) => {
  const [first] = event.touches;
  touch = event.touches.length === 1 ? { x: first.clientX, y: first.clientY } : null;
}, { passive: true });
place.addEventListener("touchend", (event) => {
  const [last] = event.changedTouches;
  const across = touch ? last.clientX - touch.x : 0;
  const down = touch ? last.clientY - touch.y : 0;
  if (release || !only() || Math.abs(across) < SWIPE || Math.abs(across) < 2 * Math.abs(down)) return;
  const keys = diary.therapists.map((one) => one.key);
  const forward = (across < 0) === (document.documentElement.dir !== "rtl");
  const key = keys[keys.indexOf(only().key) + (forward ? 1 : -1)];
  if (key) choose(key);
}, { passive: true });

// Booking and opening

function openVisit(visit, el) {
  if (!visit?.opens) return;
  openPanel(paths.visit.replace(paths.any, visit.id), el);
}

function bookAt(start, end, resource, jsEvent) {
  const blocks = jsEvent.shiftKey && paths.block;
  const base = blocks ? paths.block : paths.book;
  if (!base) return;
  const url = new URL(base, location.href);
  url.searchParams.set("start", instantOf(wallClock(start), diary.zone));
  if (end) url.searchParams.set("end", instantOf(wallClock(end), diary.zone));
  const { column } = resource?.extendedProps ?? {};
  const whose = diary.week ? diary.therapist : column?.key;
  if (whose) url.searchParams.set(diary.by === "room" ? "room" : "therapist", whose);
  if (!end) mark(start, column);
  openPanel(url.pathname + url.search, place);
}

/** Show which time was clicked on. */
function mark(start, column) {
  calendar.removeEventById("chosen");
  const end = new Date(start.getTime() + 15 * 60_000);
  const wish = { id: "chosen", kind: "chosen", column: column?.id ?? "", words: "" };
  calendar.addEvent(toBand({ ...wish, start: wallClock(start), end: wallClock(end) }));
}

document.addEventListener("panel-shows", markOpen);
document.addEventListener("panel-closed", () => {
  calendar.unselect();
  calendar.removeEventById("chosen");
  markOpen();
});

// Alt makes the steps fine, for the drag that begins next.
for (const kind of ["keydown", "keyup"]) {
  addEventListener(kind, (event) => {
    if (event.key === "Alt" && !release) calendar.setOption("snapDuration", kind === "keydown" ? FINE : COARSE);
  });
}
addEventListener("blur", () => calendar.setOption("snapDuration", COARSE));

// News

document.body.addEventListener("diary-changed", (event) => {
  const { news: words, undo, more, reference, sequence, sent } = event.detail;
  owned.set(reference ?? "*", sequence ?? true);
  if (reference) spend(reference, sequence);
  const takes = undo ? () => takeBack(desk, { undo, reference, sequence, sent }) : null;
  if (words) tell(words, { more, undo: takes, of: reference, sequence });
  // Whatever was done is in the next answer, if it changed these days at all.
  live.now().finally(() => owned.delete("*"));
});

// The strip lasts, so that of several questions htmx asks the last one when it is its turn.
function refreshStrip() {
  if (!document.getElementById("strip") || !diary.links.strip) return;
  htmx.ajax("GET", diary.links.strip, { source: "#strip" }).catch(() => {});
}

const dateOf = (address) => new URL(address, location.href).searchParams.get("date");

// Meanwhile one has gone to another day, whose own strip is on its way.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  if (target.id !== "strip" || dateOf(xhr.responseURL) === dateOf(diary.links.strip)) return;
  event.detail.shouldSwap = false;
});

// The strip, or a search in the drawer, was answered with the login.
document.addEventListener("whole-page", ended);

function tellState(state) {
  showState(state, clockIn(diary.zone, live.seenAt));
}

function ended() {
  live.become("ended");
}

setInterval(tick, 30_000);
setInterval(() => document.hidden || refreshStrip(), 60_000);

const toVisits = () => enter() || place.focus();
document.getElementById("skip-to-visits").addEventListener("click", (event) => {
  event.preventDefault();
  toVisits();
});

const follow = (id) => () => document.getElementById(id)?.click();
listen({
  t: follow("now"),
  ArrowLeft: follow("earlier"),
  p: follow("earlier"),
  ArrowRight: follow("later"),
  n: follow("later"),
  d: follow("view-day"),
  r: follow("view-rooms"),
  w: follow("view-week"),
  l: follow("view-list"),
  v: toVisits,
  b: follow("book"),
  "/": () => location.assign(paths.clients),
  g: () => {
    const jump = document.getElementById("jump");
    jump.focus();
    jump.showPicker?.();
  },
  Escape: () => (isOpen() ? closePanel() : null),
});

frame(diary, only());
live.watch(diary.links.feed, diary.etag);
