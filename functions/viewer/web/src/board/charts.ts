// One cell of the board: its frame, its menu, and what is drawn inside.
import { formatColumn, formatMetric, showFully } from "./cells";
import { drawings, type ChartCell } from "./chart_cell";
import { openMenu, openRows } from "./chart_menu";
import { h, replace } from "../dom";
import { plural } from "../format";
import { isDark } from "../page";
import { isNumeric, readColumn, type Chart, type MetricSpec, type QueryData } from "../payload";
import { drawTable } from "./table";
import type { Drawing } from "./vega_view";
import { hasSteps, isFaceted } from "./chart_height";

const FIRST_PAINTED = "first-chart-painted";
/** Characters that fit a narrow tile at full size. */
const LONG_METRIC = 12;
/** A window that is being resized says so many times. */
const SETTLED_AFTER_MILLISECONDS = 150;

// Asked for at once, beside the data: tiles and tables do not wait for it.
const vega = import("./vega_view");
const drawn = new Map<Element, () => Promise<void>>();

export interface DrawnCell {
  element: HTMLElement;
  /** True when what is inside decides how high the row is, rather than filling it. */
  setsHeight: boolean;
  /** Draw the inside, once the cell is in the page. */
  paint: () => Promise<void>;
  /** Once the whole row is painted: leave no hole under what is drawn. */
  fill: () => Promise<void>;
}

export function drawChart(cell: ChartCell): DrawnCell {
  const { chart, data } = cell;
  const body = h("div", { class: "body" });
  const heading = h("h2", { id: `chart-${chart.id}` }, chart.title);
  const menu = h("button", { class: "quiet menu", "aria-haspopup": "menu", "aria-label": `Menu of ${chart.title}` }, "⋯");
  const element = h(
    "section",
    { class: `cell span-${cell.width} is-${chart.spec.type ?? "drawing"} ${cell.besideHigher ? "natural" : ""} ${cell.isOdd ? "odd" : ""}`, "aria-labelledby": heading.id, "data-chart": chart.id },
    h("header", {}, heading, !cell.preview && menu),
    chart.description && h("p", { class: "muted small" }, chart.description),
    body,
    ...drawNotes(data),
  );
  menu.addEventListener("click", () => openMenu(menu, cell, body));
  const setsHeight = chart.spec.type !== undefined || hasSteps(chart) || isFaceted(chart.spec);
  return { element, setsHeight, paint: () => paint(cell, body), fill: async () => drawings.get(body)?.fill() };
}

/** Draw every chart anew, in the colours of the theme and to the width of its cell. */
export async function redrawAll(): Promise<void> {
  for (const body of drawn.keys()) if (!body.isConnected) drawn.delete(body);
  await Promise.all([...drawn.values()].map((redraw) => redraw()));
  for (const body of drawn.keys()) await drawings.get(body)?.fill();
}

/** Legends and small multiples are laid out for a width: another window, or a phone turned round, asks for another layout. */
export function followWidth(): void {
  let width = innerWidth;
  let settling = 0;
  window.addEventListener("resize", () => {
    clearTimeout(settling);
    settling = setTimeout(() => {
      if (innerWidth !== width) void redrawAll();
      width = innerWidth;
    }, SETTLED_AFTER_MILLISECONDS);
  });
}

async function paint(cell: ChartCell, body: HTMLElement): Promise<void> {
  const { chart, data } = cell;
  if (data.columns.length === 0) return replace(body, drawNothing("This query has no result yet."));
  if (data.rows === 0) return replace(body, drawNothing("The query answered no rows."));
  if (chart.spec.type === "table") return replace(body, drawTable(data, chart.title));
  if (chart.spec.type === "metric") return replace(body, drawMetric(data, chart.spec as MetricSpec));
  const redraw = () => paintDrawing(cell, body);
  drawn.set(body, redraw);
  await redraw();
}

async function paintDrawing(cell: ChartCell, body: HTMLElement): Promise<void> {
  const { chart, data, preview } = cell;
  try {
    const { drawVega } = await vega;
    drawings.get(body)?.finish();
    const drawing = await drawVega(body, chart, data, isDark());
    noteGaps(body, drawing.gaps);
    if (drawing.isEmpty) return showEmpty(drawing, chart, data, body);
    drawings.set(body, drawing);
    offerRows(cell, body);
    markFirst();
  } catch (error) {
    // Half-written charts are everyday in the editor, which says itself what is wrong with them.
    if (preview) return replace(body, drawNothing("This chart cannot be drawn as it stands."), drawTable(data, chart.title));
    console.error(error);
    const reason = error instanceof Error ? error.message : String(error);
    replace(body, h("p", { class: "nothing", role: "alert" }, `This chart cannot be drawn: ${reason}`), drawTable(data, chart.title));
  }
}

/** Who does not see the drawing has its rows by one key. */
function offerRows(cell: ChartCell, body: HTMLElement): void {
  body.tabIndex = 0;
  body.setAttribute("role", "group");
  body.setAttribute("aria-label", `${cell.chart.title}, drawn; Enter shows the rows`);
  body.onkeydown = (event) => {
    if (event.key === "Enter" && event.target === body) openRows(cell);
  };
}

/** One value that is no number must neither be drawn nor be passed over in silence. */
function noteGaps(body: HTMLElement, gaps: number): void {
  body.parentElement?.querySelector(".note.gaps")?.remove();
  if (gaps) body.after(h("p", { class: "note gaps" }, `${plural(gaps, "value")} that ${gaps === 1 ? "is" : "are"} no finite number (NaN or Infinity) ${gaps === 1 ? "is" : "are"} left out of the drawing.`));
}

/** A chart without a single mark on it: say so, and show the rows instead. */
function showEmpty(drawing: Drawing, chart: Chart, data: QueryData, body: HTMLElement): void {
  drawing.finish();
  drawings.delete(body);
  replace(body, drawNothing(`Nothing to draw: ${explainEmpty(chart, data)}`), drawTable(data, chart.title));
}

function explainEmpty(chart: Chart, data: QueryData): string {
  const { mark } = chart.spec as { mark?: string | { type?: string } };
  const name = (typeof mark === "string" ? mark : mark?.type) ?? "mark";
  if (name === "geoshape") return "a query's result holds no shapes.";
  if (name === "image") return "this page loads no picture from an address; the rows must hold the pictures themselves.";
  return `${plural(data.rows, "row")}, and none gives a ${name} a place.`;
}

function drawNothing(text: string): HTMLElement {
  return h("p", { class: "nothing" }, text);
}

/** When the first chart was there to be seen. */
function markFirst(): void {
  if (!performance.getEntriesByName(FIRST_PAINTED).length) performance.mark(FIRST_PAINTED);
}

function drawMetric(data: QueryData, spec: MetricSpec): HTMLElement {
  const { type, values } = readColumn(data, spec.value);
  const value = values[0] ?? null;
  const text = spec.format ? formatMetric(value, type, spec.format) : formatColumn(value, type, spec.value) || formatMetric(value, type, null);
  const shown = h("p", { class: `metric ${text.length > LONG_METRIC ? "long" : ""} ${isNumeric(type) ? "whole" : ""}`, title: showFully(value) }, text);
  shown.style.setProperty("--characters", String(Math.max(text.length, 1)));
  return shown;
}

function drawNotes(data: QueryData): HTMLElement[] {
  const notes: HTMLElement[] = [];
  if (data.truncated) notes.push(h("p", { class: "note" }, `Only the first ${plural(data.rows, "row")} are kept; max_rows is the bound.`));
  if (data.refresh_error) notes.push(h("p", { class: "note warn" }, `Not refreshed: ${data.refresh_error.message}`));
  return notes;
}
