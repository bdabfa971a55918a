// The menu of one chart: what it asks, what it costs, where it comes from, and how to take it along.
import { drawings, type ChartCell } from "./charts";
import { h } from "./dom";
import { saveFile, toCsv } from "./download";
import { openPlan, openSql } from "./query_dialog";
import { drawTable } from "./table";

/** Open the menu below `button`. */
export function openMenu(button: HTMLElement, cell: ChartCell, body: HTMLElement): void {
  const menu = h("div", { class: "popover", popover: "auto", role: "menu", "aria-label": `Menu of ${cell.chart.title}` });
  for (const [text, act] of listItems(cell, body)) {
    const choose = () => {
      menu.hidePopover();
      act();
    };
    menu.append(h("button", { role: "menuitem", onclick: choose }, text));
  }
  menu.addEventListener("keydown", (event) => moveFocus(menu, event));
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "closed") menu.remove();
  });
  document.body.append(menu);
  menu.showPopover();
  const place = button.getBoundingClientRect();
  menu.style.top = `${Math.min(place.bottom + 4, innerHeight - menu.offsetHeight - 8)}px`;
  menu.style.left = `${Math.max(8, place.right - menu.offsetWidth)}px`;
  menu.querySelector("button")?.focus();
}

function listItems(cell: ChartCell, body: HTMLElement): [string, () => void][] {
  const { slug, chart, data } = cell;
  const name = `${slug}-${chart.id}`;
  const items: [string, () => void][] = [
    ["SQL", () => void openSql(cell)],
    ["Plan and cost", () => void openPlan(cell)],
    ["Lineage", () => location.assign(`/view/${slug}/lineage?focus=${encodeURIComponent(chart.id)}`)],
    ["Download CSV", () => saveFile(`${name}.csv`, new Blob([toCsv(data)], { type: "text/csv" }))],
  ];
  const drawing = drawings.get(body);
  if (!drawing) return items;
  const png = async () => saveFile(`${name}.png`, await drawing.toPng());
  const svg = async () => saveFile(`${name}.svg`, new Blob([await drawing.toSvg()], { type: "image/svg+xml" }));
  const rows = () => {
    const dialog = h("dialog", { class: "wide", "aria-label": `Rows of ${chart.title}` });
    dialog.append(h("h2", {}, chart.title), drawTable(data, chart.title), h("form", { method: "dialog" }, h("button", { class: "button" }, "Close")));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };
  return [...items, ["Download PNG", () => void png()], ["Download SVG", () => void svg()], ["Show the rows", rows]];
}

function moveFocus(menu: HTMLElement, event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  items[(at + step + items.length) % items.length]?.focus();
}
