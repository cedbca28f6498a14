/**
 * Keeps a therapist's page up to date: while the phone shows it, it asks every few seconds whether
 * anything has changed, and swaps in what has. Nothing moves under a finger, and what was unfolded
 * stays so.
 */

import "./whole-page.js";

const EVERY = 15_000;
const NOT_MODIFIED = 304;
const AWAY = 503;

const region = document.getElementById("own-days");
const offline = document.getElementById("own-offline");
let version = `"${region.dataset.version}"`;
let unfolded = new Set();
let arrived = new Set();

const isLook = (event) => event.detail.requestConfig.verb === "get";

function look() {
  if (document.visibilityState === "visible") htmx.trigger(region, "look");
}

function herePeople() {
  const here = [...region.querySelectorAll("[data-status='arrived']")];
  return new Map(here.map((visit) => [visit.dataset.visit, visit.dataset.arrived]));
}

function remember() {
  unfolded = new Set([...region.querySelectorAll("details[open]")].map((one) => one.id));
  arrived = new Set(herePeople().keys());
}

function sayWhoCame() {
  const news = [...herePeople()].filter(([visit]) => !arrived.has(visit)).map(([, words]) => words);
  if (news.length) document.getElementById("own-live").textContent = news.join(" ");
}

document.body.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt === region) event.detail.headers["If-None-Match"] = version;
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  offline.hidden = true;
  if (xhr.status === NOT_MODIFIED) {
    event.detail.shouldSwap = false;
    return;
  }
  if (!event.detail.shouldSwap) return;
  if (isLook(event) && region.querySelector(":active")) {
    event.detail.shouldSwap = false;
    return;
  }
  version = xhr.getResponseHeader("ETag") ?? "";
  remember();
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== region) return;
  for (const one of region.querySelectorAll("details")) one.open = unfolded.has(one.id);
  sayWhoCame();
});

document.body.addEventListener("htmx:sendError", () => {
  offline.hidden = false;
});

document.body.addEventListener("htmx:responseError", (event) => {
  if (isLook(event) || event.detail.xhr.status === AWAY) offline.hidden = false;
  else location.reload();
});

document.addEventListener("visibilitychange", look);
window.setInterval(look, EVERY);
