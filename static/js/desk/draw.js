/** How visits and bands look on the grid. */

import { element } from "./slips.js";
import { say } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
// What is clear needs no sign.
const ASKS = new Set(["adapt", "clearance"]);
const LOUD = new Set(["requested", "held", "arrived", "started", "completed", "no_show"]);

/** A visit or a band as the calendar takes it. */
export function toVisit(visit, by) {
  return {
    id: visit.id,
    start: visit.start,
    end: visit.end,
    resourceIds: [columnOf(visit, by)],
    title: visit.name,
    startEditable: visit.editable,
    durationEditable: visit.editable,
    classNames: ["visit-look", `visit-look--${visit.status}`],
    extendedProps: { visit },
  };
}

export function toBand(band) {
  return {
    id: band.id,
    start: band.start,
    end: band.end,
    resourceIds: band.columns ?? [band.column],
    display: "background",
    classNames: ["band-look", `band-look--${band.kind}`],
    extendedProps: { band },
  };
}

export function columnOf(visit, by) {
  return by === "room" ? `r${visit.room}` : `t${visit.therapist}`;
}

export function contentOf({ event }) {
  const { visit, band } = event.extendedProps;
  if (visit) return { domNodes: visitNodes(visit, event) };
  return { domNodes: band?.words ? [bandLabel(band)] : [] };
}

function visitNodes(visit, event) {
  const head = element("div", "visit-look__head");
  // While it is dragged the clock of the grid counts, not the one it came with.
  const dragged = event.display === "preview";
  head.append(element("span", "visit-look__time", dragged ? clock(event.start) : visit.time));
  if (dragged) head.append(element("span", "visit-look__until", `– ${clock(event.end)}`));
  head.append(element("span", "visit-look__late"));
  const marks = element("span", "visit-look__marks");
  const verdict = visit.badge?.kind;
  marks.append(mark("mark-late", "late"));
  // A request awaits a clearance: one sign says both.
  if (ASKS.has(verdict) && visit.status !== "requested") marks.append(mark(`badge-${verdict}`, verdict));
  if (visit.mail) marks.append(visit.mail.lost ? mark("mail-lost", "mail-lost") : mark("mail-sent", "mail"));
  if (LOUD.has(visit.status)) marks.append(mark(`mark-${visit.status}`));
  head.append(marks);
  const nodes = [head, element("div", "visit-look__name", visit.name)];
  const word = { requested: say("request"), held: say("hold") }[visit.status];
  if (word) nodes.push(element("div", "visit-look__word", word));
  // By room the column does not say who treats.
  const inRoom = event.resourceIds[0]?.startsWith("r");
  nodes.push(element("div", "visit-look__what", inRoom ? `${visit.with} · ${visit.what}` : visit.what));
  return nodes;
}

function bandLabel(band) {
  if (!band.url) return element("span", "band-look__words", band.words);
  const link = element("a", "band-look__words", band.words);
  link.href = band.url;
  link.dataset.panel = "";
  return link;
}

function mark(name, kind = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", kind ? `mark mark--${kind}` : "mark");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${name}`);
  svg.append(use);
  return svg;
}

const clock = (date) => date.toTimeString().slice(0, 5);

/** Give a drawn visit its name for screen readers and its tooltip; say who is late at `now`. */
export function dress(el, visit, now) {
  const late = lateness(visit, now);
  el.id = `visit-${visit.id}`;
  el.dataset.ref = visit.id;
  el.toggleAttribute("data-late", Boolean(late));
  const label = late ? `${visit.label} ${late.label}` : visit.label;
  if (el.getAttribute("aria-label") !== label) {
    el.setAttribute("aria-label", label);
    el.title = label;
  }
  const words = el.querySelector(".visit-look__late");
  if (words) words.textContent = late?.words ?? "";
}

/** Whether somebody is expected whose visit has begun. */
export function isAwaited(visit, now) {
  return visit.status === "confirmed" && now - Date.parse(visit.at) >= 60_000;
}

function lateness(visit, now) {
  if (!isAwaited(visit, now)) return null;
  const minutes = Math.floor((now - Date.parse(visit.at)) / 60_000);
  if (minutes >= visit.minutes) return { words: say("unfinished"), label: say("unfinished_label") };
  return { words: say("late_by", { minutes }), label: lateLabel(minutes) };
}

function lateLabel(minutes) {
  return minutes === 1 ? say("late_label_one") : say("late_label", { minutes });
}

export function columnHead({ resource }) {
  const { column } = resource.extendedProps ?? {};
  if (!column) return "";
  const head = element("span", "column-head");
  const name = element("span", "column-head__name");
  if (column.colour) name.append(dot(column.colour));
  name.append(element("span", "", column.name));
  head.append(name);
  if (column.hours) head.append(element("span", "column-head__hours", column.hours));
  if (column.ready) head.append(element("span", "column-head__ready", say("ready")));
  return { domNodes: [head] };
}

function dot(colour) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "column-head__dot");
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("aria-hidden", "true");
  const circle = document.createElementNS(SVG, "circle");
  for (const [name, value] of [["cx", 6], ["cy", 6], ["r", 6], ["fill", colour]]) {
    circle.setAttribute(name, value);
  }
  svg.append(circle);
  return svg;
}
