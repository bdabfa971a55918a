// A query's columns turned into the rows that Vega draws.
import { decodeColumn, isNumeric, type Cell, type QueryData } from "../payload";
import { disguise } from "./field_names";

export type Row = Record<string, Cell>;

/**
 * Rows for drawing, by disguised names. Exact numbers that came as strings become numbers; the fields in `temporal` become
 * milliseconds: a DATE or DATETIME is that moment on the reader's clock, so that no day shifts.
 */
export function buildRows(data: QueryData, temporal: ReadonlySet<string>): Row[] {
  const columns = data.columns.map(({ name, type }, index) => {
    const values = decodeColumn(data.values[index] ?? []);
    return { name: disguise(name), values: values.map(makeConverter(type, temporal.has(disguise(name)))) };
  });
  return Array.from({ length: data.rows }, (_, row) => {
    const made: Row = {};
    for (const { name, values } of columns) made[name] = values[row] ?? null;
    return made;
  });
}

function makeConverter(type: string, temporal: boolean): (value: Cell) => Cell {
  if (isNumeric(type)) return (value) => (typeof value === "string" ? Number(value) : value);
  if (temporal) return (value) => (typeof value === "string" ? parseMoment(value) : value);
  return (value) => value;
}

function parseMoment(text: string): number | null {
  const milliseconds = Date.parse(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00` : text);
  return Number.isNaN(milliseconds) ? null : milliseconds;
}
