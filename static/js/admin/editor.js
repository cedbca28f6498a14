/** Gives each rich text field the name that its label has, for those who hear the page. */

document.addEventListener("prose-editor:ready", ({ detail: { editor, textarea } }) => {
  const label = textarea.labels?.[0];
  if (!label) return;
  editor.view.dom.setAttribute("aria-label", label.textContent.replace(/:\s*$/, "").trim());
  editor.view.dom.setAttribute("aria-multiline", "true");
  const help = textarea.getAttribute("aria-describedby");
  if (help) editor.view.dom.setAttribute("aria-describedby", help);
  // The label names a field that the editor has hidden: it leads into the editor.
  label.addEventListener("click", () => editor.commands.focus());
});
