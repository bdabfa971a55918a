// A dialog in front of the page.
import { h, type Child } from "./dom";

/** Open a dialog that is gone once closed. */
export function openDialog(title: string, ...children: Child[]): HTMLDialogElement {
  const dialog = h("dialog", { class: "wide", "aria-label": title }, h("h2", {}, title), ...children);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function drawClose(text = "Close"): HTMLElement {
  return h("form", { method: "dialog" }, h("button", { class: "button" }, text));
}
