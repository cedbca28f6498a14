/** The form of a page: how it is found and shared, and the order of its questions. */

const by = (name) => document.querySelector(`#content-main [name="${name}"]`);
const first = (...names) => names.map((name) => by(name)?.value.trim()).find(Boolean) ?? "";

function found() {
  const title = first("title", "name");
  const words = first("description", "summary");
  document.querySelectorAll("[data-found=title]").forEach((one) => {
    const suffix = one.dataset.suffix ?? "";
    one.textContent = title.length + suffix.length <= 60 ? title + suffix : title;
  });
  document.querySelectorAll("[data-found=card]").forEach((one) => (one.textContent = title));
  document.querySelectorAll("[data-found=words]").forEach((one) => (one.textContent = words));
  document.querySelectorAll("[data-found=slug]").forEach((one) => (one.textContent = first("slug")));
}

document.addEventListener("input", found);
found();

/* Questions and answers, by arrows; the numbers are what is saved. */

const group = document.getElementById("faqs-group");
const rows = () => [...(group?.querySelectorAll(".inline-related:not(.empty-form)") ?? [])];

function number() {
  rows().forEach((row, at) => {
    row.querySelector("[name$=-position]").value = String((at + 1) * 10);
  });
}

function arrow(row, way, words) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button faq-move";
  button.textContent = way === "up" ? "↑" : "↓";
  button.setAttribute("aria-label", words);
  button.title = words;
  button.addEventListener("click", () => {
    const all = rows();
    const at = all.indexOf(row);
    const other = all[at + (way === "up" ? -1 : 1)];
    if (!other) return;
    if (way === "up") other.before(row);
    else other.after(row);
    number();
    button.focus();
  });
  return button;
}

function addArrows(row) {
  const head = row.querySelector("h3");
  if (!head || head.querySelector(".faq-move")) return;
  const words = document.querySelector("[data-move-up]").dataset;
  head.append(arrow(row, "up", words.moveUp), arrow(row, "down", words.moveDown));
}

rows().forEach(addArrows);
document.addEventListener("formset:added", (event) => {
  if (!event.target.matches("#faqs-group .inline-related")) return;
  addArrows(event.target);
  number();
});
