// Whole legends: every entry to its last letter, beside the chart where there is room, else below it in columns.
import * as vega from "vega";
import type { Config } from "vega-lite";
import { UNSEEN } from "./values";

// Exported by Vega, and missing from its types.
const { textMetrics } = vega as unknown as { textMetrics: { width(item: { fontSize: number; font: string }, text: string): number } };

export interface LegendPlace {
  orient?: "bottom";
  columns?: number;
  symbolLimit?: number;
}

/** Below a chart more lines than this are a list, not a legend: the last entry says how many more there are. */
const MOST_LINES = 20;
const LABEL_WIDTH = 120;
/** The symbol before a label and the room behind it. */
const AROUND_LABEL = 34;
/** A legend below a chart begins where its axis stands. */
const AXIS_WIDTH = 60;
export const LEGEND_LABEL_SIZE = 10;
export const BELOW: LegendPlace = { orient: "bottom", columns: 2, symbolLimit: 2 * MOST_LINES };

interface Mark {
  role?: string;
  items?: Item[];
}

interface Item {
  text?: unknown;
  bounds?: { height(): number; width(): number };
  items?: Mark[];
}

/** No limit: labels are wrapped instead (`wrapText`). */
export function placeLegend(place: LegendPlace): NonNullable<Config["legend"]> {
  return { labelLimit: 0, labelFontSize: LEGEND_LABEL_SIZE, ...place };
}

export function wrapLabel(text: string): string {
  return `wrapText(${text}, ${LABEL_WIDTH})`;
}

/** Where the legends of a drawing have room that have none at `place`; null where they stand well. */
export function moveLegends(view: vega.View, place: LegendPlace, width: number): LegendPlace | null {
  const all = listRole((view.scenegraph() as unknown as { root: Mark }).root, "legend");
  // A ramp of colours has no entries to arrange, and reads the same whatever its length.
  const legends = all.filter((legend) => (legend.items ?? []).some((mark) => listRole(mark, "legend-symbol").length));
  const labels = legends.flatMap((legend) => (legend.items ?? []).flatMap((mark) => listRole(mark, "legend-label")));
  const below = width - AXIS_WIDTH;
  const isCut = place.orient
    ? legends.some((legend) => (legend.bounds?.width() ?? 0) > below)
    : legends.reduce((sum, legend) => sum + (legend.bounds?.height() ?? 0), 0) > view.height();
  if (!labels.length || !isCut || place.columns === 1) return null;
  const widest = Math.max(...labels.map((label) => label.bounds?.width() ?? 0));
  const fitting = Math.max(1, Math.floor(below / (widest + AROUND_LABEL)));
  const columns = Math.min(fitting, (place.columns ?? Infinity) - 1);
  return { orient: "bottom", columns, symbolLimit: columns * MOST_LINES };
}

/** A text in lines no wider than `limit` pixels, at spaces, or within a word that is wider. */
export function wrapText(value: unknown, limit: number, fontSize: number): string[] {
  const fits = (text: string) => textMetrics.width({ fontSize, font: "sans-serif" }, text) <= limit;
  return String(value).split("\n").flatMap((line) => breakLine(line, fits));
}

function breakLine(line: string, fits: (text: string) => boolean): string[] {
  if (fits(line)) return [line];
  const lines = [""];
  const add = (part: string, between: string) => {
    const last = lines.at(-1) ?? "";
    if (!last || fits(last + between + part)) lines[lines.length - 1] = last + (last && between) + part;
    else {
      // Vega trims its lines: what follows the space keeps it, for who copies or hears the text.
      lines[lines.length - 1] = last + (between && between + UNSEEN);
      lines.push(part);
    }
  };
  for (const word of line.split(" ")) {
    if (fits(word)) add(word, " ");
    else [...word].forEach((letter, index) => add(letter, index ? "" : " "));
  }
  return lines;
}

function listRole(mark: Mark, role: string): Item[] {
  if (mark.role === role) return mark.items ?? [];
  return (mark.items ?? []).flatMap((item) => (item.items ?? []).flatMap((part) => listRole(part, role)));
}
