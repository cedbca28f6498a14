/** The clients' pages: an address that was meant is put into its field, and a lost line is said. */

import "../whole-page.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-use]");
  const field = button?.form.elements.email;
  if (!field) return;
  event.preventDefault();
  field.value = button.value;
  field.focus();
  document.getElementById("meant").replaceChildren();
});

for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.body.addEventListener(name, (event) => {
    const page = event.detail.elt.closest("[data-offline]");
    if (page) document.getElementById("clients-news").textContent = page.dataset.offline;
  });
}
