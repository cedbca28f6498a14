/** Puts the focus where the news is: on an error summary, or on the heading that was swapped in. */

const HEADINGS = ["[data-focus]", "h1", "h2"];

export function focusOn(element) {
  if (!element) return;
  // What takes the focus by itself keeps its place in the tab order.
  if (element.tabIndex < 0) element.setAttribute("tabindex", "-1");
  element.focus();
}

function focusErrorSummary(root) {
  const summary = root.querySelector("[data-error-summary]");
  focusOn(summary);
  return Boolean(summary);
}

function afterSwap(event) {
  const region = event.detail.elt ?? event.target;
  if (region.closest("[data-keep-focus]")) return;
  if (focusErrorSummary(region)) return;
  for (const heading of HEADINGS) {
    const found = region.matches(heading) ? region : region.querySelector(heading);
    if (found) return focusOn(found);
  }
}

focusErrorSummary(document);
document.body.addEventListener("htmx:afterSettle", afterSwap);
