/** Copies the text of a field and says so politely. Where a browser cannot, there is no button. */

async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  const news = document.querySelector("[data-copy-news]");
  try {
    await navigator.clipboard.writeText(field.value);
    news.textContent = button.dataset.copied;
  } catch {
    news.textContent = button.dataset.refused;
    field.select();
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
