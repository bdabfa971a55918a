// One cell of the board: its frame, its menu, and what is drawn inside.
import { openMenu } from "./chart_menu";
import { h, replace } from "./dom";
import { formatMetric } from "./format";
import { isDark } from "./page";
import { buildRows, decodeColumn, type Chart, type MetricSpec, type QueryData } from "./payload";
import { drawTable } from "./table";
import type { Drawing } from "./vega_view";
import { hasSteps } from "./chart_height";

export interface ChartCell {
  slug: string;
  chart: Chart;
  data: QueryData;
  width: number;
  /** Drawn from text that is not saved: there is nothing to ask the service about it. */
  preview?: boolean;
}

// Asked for at once, beside the data: tiles and tables do not wait for it.
const vega = import("./vega_view");
const drawn = new Map<Element, () => Promise<void>>();
export const drawings = new WeakMap<Element, Drawing>();

export interface DrawnCell {
  element: HTMLElement;
  /** True when what is inside decides how high the row is, rather than filling it. */
  setsHeight: boolean;
  /** Draw the inside, once the cell is in the page. */
  paint: () => Promise<void>;
}

export function drawChart(cell: ChartCell): DrawnCell {
  const { chart, data } = cell;
  const body = h("div", { class: "body" });
  const heading = h("h2", { id: `chart-${chart.id}` }, chart.title);
  const menu = h("button", { class: "quiet menu", "aria-haspopup": "menu", "aria-label": `Menu of ${chart.title}` }, "⋯");
  const element = h(
    "section",
    { class: `cell span-${cell.width} is-${chart.spec.type ?? "drawing"}`, "aria-labelledby": heading.id, "data-chart": chart.id },
    h("header", {}, heading, !cell.preview && menu),
    chart.description && h("p", { class: "muted small" }, chart.description),
    body,
    ...drawNotes(data),
  );
  menu.addEventListener("click", () => openMenu(menu, cell, body));
  return { element, setsHeight: chart.spec.type !== undefined || hasSteps(chart), paint: () => paint(cell, body) };
}

/** Draw every chart anew, in the colours of the theme. */
export function redrawAll(): void {
  for (const [body, redraw] of drawn) {
    if (body.isConnected) void redraw();
    else drawn.delete(body);
  }
}

async function paint(cell: ChartCell, body: HTMLElement): Promise<void> {
  const { chart, data } = cell;
  if (data.columns.length === 0) return replace(body, h("p", { class: "nothing" }, "This query has no result yet."));
  if (chart.spec.type === "table") return replace(body, drawTable(data, chart.title));
  if (chart.spec.type === "metric") return replace(body, drawMetric(data, chart.spec as MetricSpec));
  if (data.rows === 0) return replace(body, h("p", { class: "nothing" }, "No rows."));
  const redraw = () => paintDrawing(cell, body);
  drawn.set(body, redraw);
  await redraw();
}

async function paintDrawing({ chart, data, preview }: ChartCell, body: HTMLElement): Promise<void> {
  try {
    const { drawVega, findTemporalFields } = await vega;
    drawings.get(body)?.finish();
    const rows = buildRows(data, findTemporalFields(chart.spec));
    drawings.set(body, await drawVega(body, chart, rows, isDark()));
  } catch (error) {
    // Half-written charts are everyday in the editor, which says itself what is wrong with them.
    if (preview) return replace(body, h("p", { class: "nothing" }, "This chart cannot be drawn as it stands."), drawTable(data, chart.title));
    console.error(error);
    const reason = error instanceof Error ? error.message : String(error);
    replace(body, h("p", { class: "nothing", role: "alert" }, `This chart cannot be drawn: ${reason}`), drawTable(data, chart.title));
  }
}

function drawMetric(data: QueryData, spec: MetricSpec): HTMLElement {
  const index = data.columns.findIndex((column) => column.name === spec.value);
  const values = index >= 0 ? decodeColumn(data.values[index] ?? []) : [];
  return h("p", { class: "metric" }, formatMetric(values[0] ?? null, spec.format));
}

function drawNotes(data: QueryData): HTMLElement[] {
  const notes: HTMLElement[] = [];
  if (data.truncated) notes.push(h("p", { class: "note" }, `Only the first ${data.rows} rows are kept; max_rows is the bound.`));
  if (data.refresh_error) notes.push(h("p", { class: "note warn" }, `Not refreshed: ${data.refresh_error.message}`));
  return notes;
}
