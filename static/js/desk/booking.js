/**
 * Booking at the desk: the search is a combobox, and the button that stands for "nothing has
 * changed" waits for a moment, so that an Enter too many does not answer for the client.
 */

import "../health.js";
import "../whole-page.js";

const SETTLES = 500;

const part = (element, name) => element.closest("[data-combobox]")?.querySelector(name);
const listOf = (input) => part(input, "[role=listbox]");
const options = (list) => [...list.querySelectorAll("[role=option]")];
const chosen = (list) => list.querySelector("[aria-selected=true]");

function mark(input, option) {
  const list = listOf(input);
  for (const one of options(list)) one.setAttribute("aria-selected", String(one === option));
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
  option?.scrollIntoView({ block: "nearest" });
}

function show(input) {
  const list = listOf(input);
  delete input.dataset.waits;
  const found = options(list);
  input.setAttribute("aria-expanded", String(found.length > 0));
  mark(input, found[0] ?? null);
  const news = part(input, "[data-combobox-news]");
  news.textContent = found.length ? news.dataset.some.replace("%s", found.length) : "";
  const people = found.filter((one) => one.dataset.name === "choose_client");
  // Enter came before the answer: where it can mean one person only, it does.
  if (input.dataset.entered && people.length === 1) choose(input, people[0]);
  delete input.dataset.entered;
}

function close(input) {
  listOf(input).replaceChildren();
  show(input);
}

/** Send the form as if the option were a button of it. */
function choose(input, option) {
  const sent = document.createElement("button");
  sent.type = "submit";
  sent.hidden = true;
  sent.name = option.dataset.name;
  sent.value = option.dataset.value;
  input.form.append(sent);
  sent.click();
  sent.remove();
}

function step(input, by) {
  const found = options(listOf(input));
  if (!found.length) return;
  const at = found.indexOf(chosen(listOf(input)));
  mark(input, found[(at + by + found.length) % found.length]);
}

document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (!input.matches?.("[data-combobox] [role=combobox]") || event.isComposing) return;
  const list = listOf(input);
  const open = input.getAttribute("aria-expanded") === "true";
  if (event.key === "ArrowDown" || event.key === "ArrowUp") step(input, event.key === "ArrowDown" ? 1 : -1);
  else if (event.key === "Enter" && open && chosen(list)) choose(input, chosen(list));
  else if (event.key === "Enter" && input.dataset.waits) input.dataset.entered = "yes";
  else if (event.key === "Escape" && open) close(input);
  else return;
  event.preventDefault();
});

document.addEventListener("mousedown", (event) => {
  // The focus stays in the field while an option is clicked.
  if (event.target.closest("[data-combobox] [role=option]")) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const option = event.target.closest("[data-combobox] [role=option]");
  if (option) choose(part(option, "[role=combobox]"), option);
});

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-combobox] [role=combobox]")) return;
  // What was found for other letters is no answer to these.
  event.target.dataset.waits = "yes";
  delete event.target.dataset.entered;
  event.target.setAttribute("aria-expanded", "false");
  mark(event.target, null);
});

function settle(root) {
  for (const button of root.querySelectorAll("[data-settle]")) {
    if (button.dataset.settle) continue;
    button.dataset.settle = "waits";
    setTimeout(() => (button.dataset.settle = "ready"), SETTLES);
  }
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-settle=waits]")) event.preventDefault();
}, true);

document.body.addEventListener("htmx:afterSettle", (event) => {
  const root = event.detail.elt;
  settle(document);
  const list = root.closest?.("[data-combobox] [role=listbox]");
  const input = list && part(list, "[role=combobox]");
  if (input) show(input);
});

for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.body.addEventListener(name, (event) => {
    // A search that failed must not keep Enter waiting.
    for (const input of document.querySelectorAll("[data-waits]")) delete input.dataset.waits;
    tellIn(event.detail.elt?.closest?.("[data-booking]"), "offline");
  });
}

// Somebody searched who is no longer signed in.
document.addEventListener("whole-page", (event) => tellIn(event.target.closest("[data-booking]"), "ended"));

function tellIn(booking, words) {
  const news = booking?.querySelector("[data-booking-news]");
  if (!news) return;
  news.hidden = false;
  news.textContent = booking.dataset[words];
}

settle(document);
const field = document.querySelector("main [data-booking] [data-focus]");
if (field && !document.querySelector("[data-error-summary]")) field.focus({ preventScroll: true });
