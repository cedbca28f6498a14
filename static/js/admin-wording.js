// The words of a message: the preview follows the typing, and a click writes a placeholder.
(() => {
  const form = document.getElementById("wording");
  const visit = document.getElementById("id_visit");
  const WAIT = 500;
  let timer;
  let asking;
  let field = form.querySelector("textarea");

  form.querySelector("[data-without-script]").hidden = true;
  // On a phone the preview comes sooner.
  form.querySelector("details").open = matchMedia("(min-width: 64rem)").matches;

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    const typed = new FormData(form);
    typed.set("_preview", "1");
    const request = { method: "POST", body: typed, signal: asking.signal };
    const answer = await fetch(form.action, request);
    if (!answer.ok || answer.redirected) return;
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  }

  function show(page) {
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
      part.replaceChildren(...document.importNode(fresh, true).childNodes);
    }
    showLetter(page.querySelector("iframe").getAttribute("src"));
  }

  // Loaded beside the old one, which stays until it is there: no flash, no step in the history.
  function showLetter(src) {
    const [old, ...late] = document.querySelectorAll("iframe");
    late.forEach((frame) => frame.remove());
    const next = old.cloneNode();
    next.src = src;
    next.classList.add("is-coming");
    next.addEventListener("load", () => {
      old.remove();
      next.classList.remove("is-coming");
    });
    old.after(next);
  }

  function soon() {
    clearTimeout(timer);
    // What fails here is shown by the next try, or when the form is sent.
    timer = setTimeout(() => ask().catch(() => {}), WAIT);
  }

  function insert(word) {
    field.setRangeText(word, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  for (const code of form.querySelectorAll("[data-insert]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = code.textContent;
    button.addEventListener("click", () => insert(code.dataset.insert));
    code.replaceChildren(button);
  }

  form.addEventListener("focusin", (event) => {
    if (event.target.matches("input[type=text], textarea")) field = event.target;
  });
  form.addEventListener("input", soon);
  visit.addEventListener("change", soon);
  form.querySelector("[role=alert]")?.focus();
})();
