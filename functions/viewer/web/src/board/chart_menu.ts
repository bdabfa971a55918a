// The menu of one chart: what it asks, what it costs, where it comes from, and how to take it along.
import { drawings, type ChartCell } from "./chart_cell";
import { describeError, getFile } from "../api";
import { drawClose, openDialog } from "../dialog";
import { formatCell } from "./cells";
import { h } from "../dom";
import { saveFile, toCsv } from "./download";
import { readParameters } from "./parameters";
import { openPlan, openSql } from "./query_dialog";
import { drawTable } from "./table";

const ARROW_TYPE = "application/vnd.apache.arrow.stream";

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
    ["Download Arrow", () => void saveArrow(cell, `${name}.arrows`)],
  ];
  const drawing = drawings.get(body);
  if (!drawing) return items;
  const caption = { title: chart.title, source: describeSource(cell) };
  const png = async () => saveFile(`${name}.png`, await drawing.toPng(caption));
  const svg = async () => saveFile(`${name}.svg`, new Blob([await drawing.toSvg(caption)], { type: "image/svg+xml" }));
  return [...items, ["Download PNG", () => void png()], ["Download SVG", () => void svg()], ["Show the rows", () => openRows(cell)]];
}

export function openRows({ chart, data }: ChartCell): void {
  openDialog(`Rows of ${chart.title}`, drawTable(data, chart.title), drawClose());
}

/** Where a picture is from and of when, for who finds it elsewhere. */
function describeSource({ slug, data }: ChartCell): string {
  const time = data.as_of && `as of ${formatCell(data.as_of, "TIMESTAMP")}`;
  return [`${location.host}/view/${slug}`, time].filter(Boolean).join(" · ");
}

/** The query's result with its own types, for the variant that is shown. */
async function saveArrow({ slug, chart }: ChartCell, name: string): Promise<void> {
  const query = readParameters();
  query.set("query", chart.query);
  try {
    saveFile(name, await getFile(`/data/${slug}?${query}`, ARROW_TYPE));
  } catch (error) {
    openDialog("There is no Arrow file", h("p", { role: "alert" }, describeError(error)), drawClose());
  }
}

function moveFocus(menu: HTMLElement, event: KeyboardEvent): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement as HTMLButtonElement);
  items[(at + step + items.length) % items.length]?.focus();
}
