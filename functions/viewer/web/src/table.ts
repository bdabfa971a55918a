// A query as a table: sorted by a click on a heading, drawn a page at a time.
import { h, replace } from "./dom";
import { formatCell, plural } from "./format";
import { decodeColumn, isNumeric, type Cell, type QueryData } from "./payload";

const PAGE_ROWS = 100;
type Order = { column: number; descending: boolean } | null;

export function drawTable(data: QueryData, caption: string): HTMLElement {
  const columns = data.values.map(decodeColumn);
  const body = h("tbody");
  const more = h("p", { class: "more" });
  let order: Order = null;
  let shown = PAGE_ROWS;
  const heads = data.columns.map((column, index) => {
    const button = h("button", { onclick: () => sortBy(index) }, column.name, h("span", { class: "arrow", "aria-hidden": "true" }));
    return h("th", { scope: "col", class: isNumeric(column.type) ? "number" : null, title: column.type }, button);
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
    replace(body, ...rows.slice(0, shown).map((row) => drawRow(data, columns, row)));
    const left = rows.length - shown;
    const button = h("button", { class: "button", onclick: () => ((shown += PAGE_ROWS * 5), draw()) }, "Show more");
    replace(more, ...(left > 0 ? [`${plural(left, "more row")} `, button] : []));
  }

  draw();
  const table = h("table", { class: "data" }, h("caption", { class: "visually-hidden" }, caption), h("thead", {}, h("tr", {}, ...heads)), body);
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${caption}, table` }, table, more);
}

function drawRow(data: QueryData, columns: Cell[][], row: number): HTMLElement {
  const cells = data.columns.map(({ type }, index) =>
    h("td", { class: isNumeric(type) ? "number" : null }, formatCell(columns[index]?.[row] ?? null)),
  );
  return h("tr", {}, ...cells);
}

/** Row numbers in order; NULL comes last either way. */
function sortRows(data: QueryData, columns: Cell[][], order: Order): number[] {
  const rows = Array.from({ length: data.rows }, (_, row) => row);
  if (!order) return rows;
  const values = columns[order.column] ?? [];
  const numeric = isNumeric(data.columns[order.column]?.type ?? "");
  const sign = order.descending ? -1 : 1;
  return rows.sort((a, b) => compare(values[a] ?? null, values[b] ?? null, numeric, sign));
}

function compare(a: Cell, b: Cell, numeric: boolean, sign: number): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return sign * (numeric ? Number(a) - Number(b) : formatCell(a).localeCompare(formatCell(b)));
}
