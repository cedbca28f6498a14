/** The strip beside the calendar: a step taken there leaves the focus in it. */

import "./whole-page.js";

let stepped = false;

document.addEventListener("submit", (event) => {
  stepped = Boolean(event.target.closest(".strip"));
});

// The button that was pressed is gone with the ticket: the strip's heading is next to it.
document.body.addEventListener("htmx:afterSettle", (event) => {
  if (!stepped || !event.detail.target?.querySelector(".strip")) return;
  stepped = false;
  if (document.activeElement !== document.body) return;
  document.getElementById("strip-title")?.focus({ preventScroll: true });
});
