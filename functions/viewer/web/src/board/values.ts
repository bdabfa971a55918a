// Values of the warehouse as what Vega draws: numbers, text, milliseconds, places in an order.
import { isNumeric, type Cell } from "../payload";
import { compareCells, formatFully } from "./cells";
import { toWallClock } from "./time_zone";

/** As a number, text, milliseconds on the clock of the zone or of UTC, the place in the order of values, or as it came. */
export type Kind = "raw" | "number" | "text" | "time" | "utc" | "rank";

export interface DrawnColumn {
  /** The name in the rows. */
  name: string;
  type: string;
  kind: Kind;
  values: Cell[];
}

export interface ConvertedColumn {
  values: Cell[];
  /** Values that are no finite number, which nothing can be drawn for. */
  gaps: number;
}

/** A character that nobody sees, which tells apart what JavaScript does not. */
export const UNSEEN = "\u200b";
const NULL_TEXT = "null";

/** True when NULL and the text `null` are both there: Vega groups by text, and would take them for one. */
export function hasTwoNulls(values: Cell[]): boolean {
  return values.includes(null) && values.includes(NULL_TEXT);
}

/** True when every value is a finite number that JavaScript holds to the last digit. */
export function isExact(values: Cell[]): boolean {
  return values.every((value) => typeof value !== "string" || (String(Number(value)) === value && Number.isFinite(Number(value))));
}

export function convertColumn({ type, kind, values }: DrawnColumn): ConvertedColumn {
  if (kind === "rank") return { values: rankValues(values, type), gaps: 0 };
  const convert = CONVERTERS[kind];
  const converted = values.map((value) => (value === null ? null : convert(value, type)));
  const isGap = (value: Cell, index: number) => value === null && values[index] !== null;
  return { values: converted, gaps: kind === "number" ? converted.filter(isGap).length : 0 };
}

const CONVERTERS: Record<"raw" | "number" | "text" | "time" | "utc", (value: Cell, type: string) => Cell> = {
  raw: (value) => value,
  number: (value) => (Number.isFinite(Number(value)) ? Number(value) : null),
  text: (value, type) => (value === NULL_TEXT ? value + UNSEEN : formatFully(value, type)),
  time: (value, type) => {
    const moment = parseMoment(value);
    return moment === null || type !== "TIMESTAMP" ? moment : toWallClock(moment);
  },
  utc: parseMoment,
};

/** Milliseconds since 1970; what has no zone is read as if it were in UTC, where no day moves and no hour is missing. */
function parseMoment(value: Cell): number | null {
  if (typeof value === "number") return value;
  const text = String(value);
  const milliseconds = Date.parse(/T[\d:.]+$/.test(text) ? `${text}Z` : text);
  return Number.isNaN(milliseconds) ? null : milliseconds;
}

function rankValues(values: Cell[], type: string): Cell[] {
  const distinct = [...new Set(values)].filter((value): value is NonNullable<Cell> => value !== null);
  distinct.sort((a, b) => compareCells(a, b, isNumeric(type) ? type : "STRING", false));
  const ranks = new Map(distinct.map((value, index) => [value, index]));
  return values.map((value) => (value === null ? null : (ranks.get(value) ?? null)));
}
