/** A call-out: a few lines that stand out from the text around them. */

import { Node } from "django-prose-editor/editor";

const icon =
  '<svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" fill="none" stroke="currentColor"' +
  ' stroke-width="1.6"><path d="M3 4h14v10H9l-4 3v-3H3z"/><path d="M6 8h8M6 11h5"/></svg>';

export const Callout = Node.create({
  name: "callout",
  group: "block",
  content: "(paragraph | bulletList | orderedList)+",
  defining: true,

  parseHTML() {
    return [{ tag: "div.callout" }];
  },

  renderHTML() {
    return ["div", { class: "callout", role: "note" }, 0];
  },

  addKeyboardShortcuts() {
    return { "Mod-Shift-c": () => this.editor.commands.toggleWrap(this.name) };
  },

  addMenuItems({ buttons, menu }) {
    menu.defineItem({
      name: "callout",
      groups: "nodes",
      button: buttons.svg(icon, "call-out"),
      command(editor) {
        editor.chain().focus().toggleWrap("callout").run();
      },
      active: (editor) => editor.isActive("callout"),
      enabled: (editor) => editor.can().toggleWrap("callout"),
    });
  },
});
