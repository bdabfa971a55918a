// Small multiples: as many beside each other as can be read, and together as wide as their card.
import type { Spec, View } from "vega";
import { isFaceted } from "./chart_height";
import type { Row } from "./rows";

type Part = Record<string, unknown>;

/** Pixels of one drawing: below the first nobody reads it, and no card makes it smaller than the second. */
const READABLE_WIDTH = 130;
const LEAST_WIDTH = 16;
const HEIGHTS: [number, number] = [90, 200];
/** Of all rows of drawings together, where they can be that low. */
const COMMON_HEIGHT = 560;
/** What stands left of them: labels and a title of the axis. */
const AXIS_WIDTH = 60;
const SPACING = 20;
/** The width follows what is measured; labels of axes may move it again. */
const MOST_STEPS = 6;

export interface Arranged {
  encoding: object;
  width: number;
  height: number;
}

/** How to lay out a faceted chart on `width` pixels; null for other charts. Columns without room become rows of them. */
export function arrange(spec: object, rows: Row[], width: number): Arranged | null {
  if (!isFaceted(spec)) return null;
  const { row, column, facet, ...rest } = readEncoding(spec);
  const fitting = Math.max(1, Math.floor((width - AXIS_WIDTH + SPACING) / (READABLE_WIDTH + SPACING)));
  const across = countValues(column, rows);
  const wrapped = facet ?? (column && !row && across !== null && across > fitting ? column : null);
  if (!wrapped) {
    const down = countValues(row, rows) ?? 1;
    return { encoding: readEncoding(spec), width: shareWidth(width, column ? (across ?? fitting) : 1), height: shareHeight(down) };
  }
  const columns = chooseColumns(wrapped, countValues(wrapped, rows), fitting);
  const down = Math.ceil((countValues(wrapped, rows) ?? columns) / columns);
  return { encoding: { ...rest, ...(facet && column && { column }), facet: { ...wrapped, columns } }, width: shareWidth(width, columns), height: shareHeight(down) };
}

/** Headers of a small drawing are as wide as it is, in as many lines as that takes. */
export function wrapHeaders(value: unknown, side = "child_width"): void {
  if (typeof value !== "object" || value === null) return;
  const { role, title } = value as { role?: string; title?: { text?: { signal?: string } } };
  const own = role === "row-header" ? "child_height" : role === "column-header" ? "child_width" : side;
  const text = title?.text?.signal;
  if (title?.text && text && /\bparent\b/.test(text)) title.text = { signal: `wrapText(${text}, ${own})` };
  Object.values(value).forEach((part) => wrapHeaders(part, own));
}

/** Make the drawings of a running view so wide that all of it is `width` wide. */
export async function fitPanels(view: View, spec: Spec, width: number, measure: () => number): Promise<void> {
  if (!spec.signals?.some(({ name }) => name === "child_width")) return;
  let [panel, total, slope] = [Number(view.signal("child_width")), measure(), 0];
  for (let step = 0; step < MOST_STEPS && Math.abs(total - width) >= 1; step++) {
    const next = Math.max(LEAST_WIDTH, Math.floor(panel + (width - total) / (slope || total / panel)));
    if (next === panel) return;
    await view.signal("child_width", next).resize().runAsync();
    const reached = measure();
    // A label that comes to stand at the edge may take more than the narrower drawing gave.
    slope = Math.max(0, (reached - total) / (next - panel));
    [panel, total] = [next, reached];
  }
}

function readEncoding(spec: object): Record<string, Part> {
  return (spec as { encoding?: Record<string, Part> }).encoding ?? {};
}

/** How many drawings a channel makes; null where only Vega knows. */
function countValues(channel: Part | undefined, rows: Row[]): number | null {
  const { field, bin, timeUnit } = channel ?? {};
  if (typeof field !== "string" || bin || timeUnit || !rows.some((row) => field in row)) return null;
  return new Set(rows.map((row) => row[field])).size;
}

/** The author's columns where they fit; else full rows, as far as the values go. */
function chooseColumns({ columns }: Part, count: number | null, fitting: number): number {
  if (typeof columns === "number") return Math.min(columns, fitting);
  if (count === null) return fitting;
  return Math.ceil(count / Math.ceil(count / Math.min(count, fitting)));
}

function shareWidth(width: number, columns: number): number {
  return Math.max(LEAST_WIDTH, Math.floor((width - AXIS_WIDTH) / Math.max(columns, 1)) - SPACING);
}

function shareHeight(rows: number): number {
  return Math.min(Math.max(Math.floor(COMMON_HEIGHT / rows) - SPACING, HEIGHTS[0]), rows === 1 ? HEIGHTS[1] + AXIS_WIDTH : HEIGHTS[1]);
}
