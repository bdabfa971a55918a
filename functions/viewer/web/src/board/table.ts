// A query as a table: sorted by a click on a heading, drawn a page at a time.
import { compareCells, formatCell, formatColumn, showFully } from "./cells";
import { h, replace } from "../dom";
import { plural } from "../format";
import { decodeColumn, isNumeric, type Cell, type QueryData } from "../payload";

const PAGE_ROWS = 100;
/** Characters that never wrap. */
const BRIEF = 14;
type Order = { column: number; descending: boolean } | null;

export function drawTable(data: QueryData, caption: string): HTMLElement {
  const columns = data.values.map(decodeColumn);
  const classes = data.columns.map(({ type }, index) => chooseClass(type, columns[index] ?? []));
  const body = h("tbody");
  const more = h("p", { class: "more" });
  let order: Order = null;
  let shown = PAGE_ROWS;
  const heads = data.columns.map((column, index) => {
    const button = h("button", { onclick: () => sortBy(index) }, readName(column.name), h("span", { class: "arrow", "aria-hidden": "true" }));
    return h("th", { scope: "col", class: classes[index], title: `${column.name} ${column.type}` }, button);
  });

  function sortBy(column: number): void {
    order = { column, descending: order?.column === column ? !order.descending : isNumeric(data.columns[column]?.type ?? "") };
    shown = PAGE_ROWS;
    heads.forEach((head, index) => {
      if (order?.column !== index) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
    });
    draw();
  }

  function draw(): void {
    const rows = sortRows(data, columns, order);
    replace(body, ...rows.slice(0, shown).map((row) => drawRow(data, columns, classes, row)));
    const left = rows.length - shown;
    const button = h("button", { class: "button", onclick: () => ((shown += PAGE_ROWS * 5), draw()) }, "Show more");
    replace(more, ...(left > 0 ? [`${plural(left, "more row")} `, button] : []));
  }

  draw();
  const table = h("table", { class: "data" }, h("caption", { class: "visually-hidden" }, caption), h("thead", {}, h("tr", {}, ...heads)), body);
  const scroll = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${caption}, table` }, table, more);
  // In the next frame: a change of size inside the observer would call it again.
  new ResizeObserver(() => requestAnimationFrame(() => endOnFullRow(scroll, body))).observe(table);
  return scroll;
}

/** A column's name as a heading: `dep_delay` is "Dep delay"; a name that was written for people stays. */
function readName(name: string): string {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) return name;
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** As high as the style allows, and no row cut in half. */
function endOnFullRow(scroll: HTMLElement, body: HTMLElement): void {
  scroll.style.maxHeight = "";
  const { top, bottom } = scroll.getBoundingClientRect();
  if (scroll.scrollHeight <= scroll.clientHeight) return;
  const frame = scroll.offsetHeight - scroll.clientHeight;
  const ends = [...body.children].map((row) => row.getBoundingClientRect().bottom + scroll.scrollTop - top);
  const end = ends.filter((one) => one + frame <= bottom - top).at(-1);
  if (end) scroll.style.maxHeight = `${Math.ceil(end + frame)}px`;
}

function drawRow(data: QueryData, columns: Cell[][], classes: string[], row: number): HTMLElement {
  const cells = data.columns.map(({ name, type }, index) => {
    const value = columns[index]?.[row] ?? null;
    const text = formatColumn(value, type, name);
    const full = showFully(value);
    return h("td", { class: classes[index], title: full === text ? null : full }, text);
  });
  return h("tr", {}, ...cells);
}

/** Numbers, moments and codes keep to one line; words wrap between words. */
function chooseClass(type: string, values: Cell[]): string {
  if (isNumeric(type)) return "number";
  if (/^(DATE|TIME|BOOL)/.test(type)) return "brief";
  return values.every((value) => formatCell(value, type).length <= BRIEF) ? "brief" : "text";
}

/** Row numbers in order. */
function sortRows(data: QueryData, columns: Cell[][], order: Order): number[] {
  const rows = Array.from({ length: data.rows }, (_, row) => row);
  if (!order) return rows;
  const { column, descending } = order;
  const values = columns[column] ?? [];
  const type = data.columns[column]?.type ?? "";
  return rows.sort((a, b) => compareCells(values[a] ?? null, values[b] ?? null, type, descending));
}
