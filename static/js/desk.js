/** The list without reloads: the focus stays with the visit, and only one menu is open. */

import "./whole-page.js";

let stepped = "";

document.addEventListener("submit", (event) => {
  stepped = event.target.closest("[id^='visit-']")?.id ?? "";
});

document.body.addEventListener("htmx:afterSettle", () => {
  if (stepped) document.getElementById(stepped)?.focus({ preventScroll: true });
});

const AWAY = 503;

document.body.addEventListener("htmx:responseError", (event) => {
  // The list says so, and the next look comes by itself; a page anew would only say it larger.
  if (event.detail.xhr.status === AWAY) sayOffline();
  else location.reload();
});

document.body.addEventListener("htmx:sendError", sayOffline);

function sayOffline() {
  const board = document.getElementById("day");
  board.querySelector(".news").textContent = board.dataset.offline;
}

document.addEventListener("toggle", (event) => {
  if (!event.target.open || !event.target.matches(".visit__more")) return;
  for (const menu of document.querySelectorAll(".visit__more[open]")) {
    if (menu !== event.target) menu.open = false;
  }
}, true);

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".visit__more[open]");
  if (event.key !== "Escape" || !menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});
