/**
 * Keeps whole pages, such as the login after the session has ended, out of what is swapped.
 *
 * One goes to that page, except where a part only keeps itself up to date or searches, which is
 * marked with data-stays: there the event "whole-page" on it lets the page say what has happened.
 */

/** Whether an answer of the server is a page and no part of one. */
export function isWholePage(text) {
  return /^\s*<!doctype/i.test(text);
}

/** Whether the part is taken out of the page, which is the very one that is shown. */
function isWanted(elt, address) {
  return Boolean(elt.closest("[hx-select]")) && new URL(address).pathname === location.pathname;
}

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (!isWholePage(xhr.responseText) || isWanted(requestConfig.elt, xhr.responseURL)) return;
  event.detail.shouldSwap = false;
  // An error is told where errors are told.
  if (xhr.status >= 400) return;
  const stays = requestConfig.verb === "get" && requestConfig.elt.closest("[data-stays]");
  if (stays) stays.dispatchEvent(new CustomEvent("whole-page", { bubbles: true }));
  else location.assign(xhr.responseURL);
});
