/**
 * Presses what carries a key, such as "Arrived A", on the visit that is shown: on its own page and
 * in the drawer. Never while somebody types, nor with a modifier, nor under a dialog, nor where the
 * keys were switched off in the calendar's sheet.
 */

const KEPT = "desk-keys";
const TYPING = "input, select, textarea, [contenteditable], [role=listbox]";

function areOff() {
  try {
    return localStorage.getItem(KEPT) === "off";
  } catch {
    return false;
  }
}

function isForUs(event) {
  if (event.defaultPrevented || event.repeat || event.isComposing) return false;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  return !event.target.closest(TYPING) && !areOff();
}

/** What carries `key` on the visit in sight; a dialog above it keeps its keys to itself. */
function carrierOf(key) {
  const visit = document.querySelector("[data-visit]");
  const above = document.querySelector("dialog:modal");
  if (!visit?.checkVisibility() || (above && !above.contains(visit))) return null;
  return [...visit.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key) ?? null;
}

// In the capture phase: before the calendar looks for a key of its own.
document.addEventListener(
  "keydown",
  (event) => {
    if (!isForUs(event)) return;
    const carrier = carrierOf(event.key.toLowerCase());
    if (!carrier) return;
    event.preventDefault();
    carrier.click();
  },
  { capture: true },
);
