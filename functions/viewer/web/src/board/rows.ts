// A query's columns turned into the rows that Vega draws.
import type { Cell } from "../payload";
import { convertColumn, type DrawnColumn } from "./values";

export type Row = Record<string, Cell>;

/** The rows, and how many values of the columns called `used` are no finite number. */
export function buildRows(columns: DrawnColumn[], count: number, used: ReadonlySet<string>): { rows: Row[]; gaps: number } {
  let gaps = 0;
  const converted = columns.map((column) => {
    const made = convertColumn(column);
    if (used.has(column.name)) gaps += made.gaps;
    return { name: column.name, values: made.values };
  });
  const rows = Array.from({ length: count }, (_, row) => {
    const made: Row = {};
    for (const { name, values } of converted) made[name] = values[row] ?? null;
    return made;
  });
  return { rows, gaps };
}
