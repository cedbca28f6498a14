/** The pages of the spa in a search result and on a shared card, as their words are typed. */

const pages = document.querySelectorAll("[data-found-page]");

function typed(name) {
  return document.querySelector(`#content-main [name="${name}"]`)?.value.trim() ?? "";
}

function show() {
  pages.forEach((page) => {
    const { foundPage, title, words } = page.dataset;
    const shown = {
      title: typed(`${foundPage}_title`) || title,
      words: typed(`${foundPage}_description`) || words,
    };
    page.querySelectorAll("[data-found]").forEach((one) => {
      one.textContent = shown[one.dataset.found];
    });
  });
}

document.addEventListener("input", show);
show();
