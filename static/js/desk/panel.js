/** The drawer beside the calendar: the desk's pages as fragments, loaded by htmx. */

import "../whole-page.js";
import { alarm } from "./slips.js";
import { say } from "./words.js";

const panel = document.getElementById("panel");
const body = document.getElementById("panel-body");
const alone = document.getElementById("panel-alone");
const wide = matchMedia("(min-width: 64rem)");
let opener = null;
let typed = false;

/** Open the page at `url` in the drawer; `from` gets the focus back when it closes. */
export function openPanel(url, from = document.activeElement) {
  if (!panel.open) opener = from;
  stopLoading();
  const into = { source: "#panel-body", target: "#panel-body", swap: "innerHTML" };
  // What went wrong is told where htmx says it.
  return htmx.ajax("GET", url, into).catch(() => {});
}

/** Ask no longer for what was to be shown. */
function stopLoading() {
  htmx.trigger(body, "htmx:abort");
}

/** The address of what the drawer shows, empty where it is closed. */
export function openUrl() {
  return panel.open ? alone.href : "";
}

export function isOpen() {
  return panel.open;
}

/** Close the drawer; asks first where something was typed. */
export async function closePanel({ ask = true } = {}) {
  if (!panel.open || (ask && !(await mayLeave()))) return;
  panel.close();
}

function show() {
  if (panel.open) return;
  if (wide.matches) panel.show();
  else panel.showModal();
}

/** Whether nothing typed is lost, or the person does not mind. */
function mayLeave() {
  if (!panel.open || !typed) return Promise.resolve(true);
  const question = document.getElementById("unsaved");
  question.returnValue = "";
  question.showModal();
  return new Promise((answer) => {
    question.addEventListener(
      "close",
      () => {
        const leaves = question.returnValue === "leave";
        if (leaves) typed = false;
        answer(leaves);
      },
      { once: true },
    );
  });
}

panel.addEventListener("input", (event) => {
  if (event.target.form?.method === "post") typed = true;
});

// Every other way out, such as a link, a key or a reload: the browser asks in its own words.
addEventListener("beforeunload", (event) => {
  if (typed) event.preventDefault();
});

panel.addEventListener("cancel", (event) => {
  if (event.target !== panel) return;
  event.preventDefault();
  closePanel();
});

panel.addEventListener("close", (event) => {
  if (event.target !== panel) return;
  typed = false;
  stopLoading();
  body.replaceChildren();
  document.dispatchEvent(new CustomEvent("panel-closed"));
  const again = opener?.isConnected ? opener : document.getElementById(opener?.id);
  opener = null;
  again?.focus();
});

document.getElementById("panel-close").addEventListener("click", () => closePanel());

// Escape closes a dialog only where it is modal.
panel.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || panel.matches(":modal")) return;
  event.preventDefault();
  closePanel();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-panel]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  openPanel(link.href, link);
});

const isOurs = (event) => event.detail.target === body;

// Links anywhere on the page lead into the drawer by themselves; what was typed there is asked for.
document.body.addEventListener("htmx:confirm", (event) => {
  if (!isOurs(event) || event.detail.verb !== "get" || !typed) return;
  event.preventDefault();
  mayLeave().then((leaves) => leaves && event.detail.issueRequest(true));
});

document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (!isOurs(event)) return;
  if (!panel.open) opener ??= event.detail.elt;
  body.setAttribute("aria-busy", "true");
  show();
});

document.body.addEventListener("htmx:afterRequest", (event) => {
  if (isOurs(event)) body.removeAttribute("aria-busy");
});

document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (!isOurs(event)) return;
  // It was closed meanwhile: nothing may be in it that nobody sees.
  if (!panel.open) event.detail.shouldSwap = false;
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (!isOurs(event)) return;
  if (event.detail.requestConfig.verb === "get") typed = false;
  panel.scrollTop = 0;
  const isAsked = event.detail.requestConfig.verb === "get";
  const own = body.querySelector("[data-address]")?.dataset.address;
  const address = own ?? (isAsked ? event.detail.pathInfo.finalRequestPath : "");
  if (address) alone.href = address;
  // Half of a form that was sent: its address would show it empty.
  alone.hidden = !address;
  document.dispatchEvent(new CustomEvent("panel-shows"));
});

document.body.addEventListener("htmx:afterSettle", (event) => {
  if (isOurs(event) && !body.contains(document.activeElement)) {
    document.getElementById("panel-title")?.focus();
  }
});

// From a time that was clicked on one may also block it.
document.addEventListener("panel-shows", () => {
  const link = document.getElementById("panel-block");
  const shown = new URL(alone.href);
  link.hidden = !link.dataset.block || shown.pathname !== link.dataset.book || !shown.search;
  link.href = link.dataset.block + shown.search;
});

for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.body.addEventListener(name, (event) => {
    if (!panel.contains(event.detail.elt) && !isOurs(event)) return;
    // Where nothing came there is nothing to look at; the focus goes back.
    if (!body.children.length) closePanel({ ask: false });
    alarm(say(event.detail.requestConfig.verb === "get" ? "panel_failed" : "trouble"));
  });
}

// Something was done in the drawer: nothing typed is waiting any more.
document.body.addEventListener("diary-changed", (event) => {
  typed = false;
  if (event.detail.close) closePanel({ ask: false });
});
