/** What changed between two states of the same days, in words. */

import { columnOf } from "./draw.js";
import { say } from "./words.js";

const FEW = 3;

/**
 * Return what to say and which visits to mark. Changes in `owned` (reference to sequence) were made
 * here and are left out; "*" stands for one change whose visit is not known.
 */
export function news(before, after, owned) {
  if (before.first !== after.first || before.week !== after.week) return { words: "", marked: [] };
  const old = new Map(before.visits.map((visit) => [visit.id, visit]));
  const now = new Map(after.visits.map((visit) => [visit.id, visit]));
  const changes = [
    ...after.visits.map((visit) => [visit, changed(old.get(visit.id), visit)]),
    ...before.visits.filter((visit) => !now.has(visit.id)).map((visit) => [visit, gone(visit)]),
  ].filter(([, words]) => words);
  const byOwn = owned.delete("*");
  const others = changes.filter(([visit]) => !isOwn(now.get(visit.id), visit, owned) && !byOwn);
  return { words: inWords(others.map(([, words]) => words)), marked: others.map(([visit]) => visit.id) };
}

/** Whether this desk made `visit` what it is now, or took what was `last` seen of it away. */
function isOwn(visit, last, owned) {
  const sequence = owned.get(last.id);
  if (sequence === undefined) return false;
  return visit ? visit.sequence <= sequence : last.sequence < sequence;
}

function inWords(lines) {
  return lines.length > FEW ? say("many", { count: lines.length }) : lines.join(" ");
}

function changed(old, visit) {
  const values = { ...visit, who: visit.with };
  if (!old) return say(visit.status === "held" ? "held" : "booked", values);
  if (old.at !== visit.at || columnOf(old, "therapist") !== columnOf(visit, "therapist")) {
    return say("moved", values);
  }
  if (old.room !== visit.room) return say("moved", { ...values, who: visit.where });
  if (old.minutes !== visit.minutes) return say("resized", values);
  if (old.status !== visit.status) return say("state", values);
  return "";
}

function gone(visit) {
  return visit.status === "held" ? "" : say("gone", visit);
}
