// What the pointer is over, as text.
import { formatUntyped } from "./cells";
import { h, replace } from "../dom";
import type { Cell } from "../payload";

const GAP = 12;
let box: HTMLElement | undefined;

/** Show `value` beside the pointer; nothing to show hides it. */
export function showTooltip(event: MouseEvent, value: unknown): void {
  if (!box) {
    box = h("div", { class: "tooltip", role: "tooltip", hidden: true });
    document.body.append(box);
  }
  box.hidden = value === null || value === undefined || value === "";
  if (box.hidden) return;
  replace(box, ...describe(value));
  const left = Math.min(event.clientX + GAP, innerWidth - box.offsetWidth - GAP);
  const top = Math.min(event.clientY + GAP, innerHeight - box.offsetHeight - GAP);
  box.style.left = `${Math.max(0, left)}px`;
  box.style.top = `${Math.max(0, top)}px`;
}

function describe(value: unknown): (Node | string)[] {
  if (typeof value !== "object" || value === null) return [String(value)];
  const { title, ...rest } = value as Record<string, Cell>;
  const rows = Object.entries(rest).map(([name, cell]) => h("tr", {}, h("th", {}, name), h("td", {}, formatUntyped(cell))));
  return [...(title ? [h("b", {}, formatUntyped(title))] : []), h("table", {}, ...rows)];
}
