/** The order of the menu: rows move under the hand or by their arrows, and are saved at once. */

const form = document.querySelector("[data-order]");
const said = document.querySelector("[data-order-said]");

const rowsOf = (list) => [...list.children].filter((row) => row.matches("[data-order-row]"));

function number(list) {
  rowsOf(list).forEach((row, at) => {
    row.querySelector(".order__place").value = String(at + 1);
  });
}

async function save() {
  let words = said.dataset.failed;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    if (answer.ok) words = said.dataset.saved;
  } catch {
    // The words already say that it failed.
  }
  said.textContent = "";
  said.textContent = words;
}

function step(row, way) {
  const next = way === "up" ? row.previousElementSibling : row.nextElementSibling;
  if (!next) return;
  if (way === "up") next.before(row);
  else next.after(row);
  number(row.parentElement);
  save();
}

form?.addEventListener("submit", (event) => {
  const [, way] = event.submitter?.value?.match(/-(up|down)$/) ?? [];
  if (!way) return;
  event.preventDefault();
  step(event.submitter.closest("[data-order-row]"), way);
  event.submitter.focus();
});

let dragged = null;

form?.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest("[data-order-grip]");
  if (!grip) return;
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  dragged = { row: grip.closest("[data-order-row]"), moved: false };
  dragged.row.classList.add("order__row--dragged");
});

form?.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  const list = dragged.row.parentElement;
  const after = rowsOf(list).find((row) => {
    const { top, height } = row.getBoundingClientRect();
    return row !== dragged.row && event.clientY < top + height / 2;
  });
  if (after === dragged.row.nextElementSibling || (!after && !dragged.row.nextElementSibling)) return;
  if (after) after.before(dragged.row);
  else list.append(dragged.row);
  dragged.moved = true;
});

function drop() {
  if (!dragged) return;
  dragged.row.classList.remove("order__row--dragged");
  if (dragged.moved) {
    number(dragged.row.parentElement);
    save();
  }
  dragged = null;
}

form?.addEventListener("pointerup", drop);
form?.addEventListener("pointercancel", drop);
