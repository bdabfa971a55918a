// What GET /data/{slug} answers, and its columns turned into values and rows.
import { disguise } from "./board/field_names";

export type Cell = string | number | boolean | null | Cell[] | { [key: string]: Cell };

export interface DictionaryColumn {
  dictionary: Cell[];
  codes: (number | null)[];
}

export interface QueryData {
  columns: { name: string; type: string }[];
  rows: number;
  values: (Cell[] | DictionaryColumn)[];
  truncated: boolean;
  as_of: string | null;
  refresh_error: { code: string; message: string } | null;
}

export interface MetricSpec {
  type: "metric";
  value: string;
  format: string | null;
}

export interface Chart {
  id: string;
  title: string;
  query: string;
  description: string;
  spec: MetricSpec | { type: "table" } | { type?: undefined; [key: string]: unknown };
}

export interface Payload {
  slug: string;
  version: number;
  title: string;
  description: string;
  parameters: Record<string, Cell>;
  as_of: string;
  checked_at: string;
  age_seconds: number;
  stale: boolean;
  charts: Chart[];
  layout: { chart: string; width: number }[][];
  queries: Record<string, QueryData>;
}

export type Row = Record<string, Cell>;

/** The values of one column by its name; empty when there is no such column. */
export function readColumn(data: QueryData, name: string): { type: string; values: Cell[] } {
  const index = data.columns.findIndex((column) => column.name === name);
  return { type: data.columns[index]?.type ?? "STRING", values: decodeColumn(data.values[index] ?? []) };
}

const NUMERIC = /^(INT64|FLOAT64|NUMERIC|BIGNUMERIC)\b/;

export function isNumeric(type: string): boolean {
  return NUMERIC.test(type);
}

/** A column's values, whichever of the two ways it came. */
export function decodeColumn(column: Cell[] | DictionaryColumn): Cell[] {
  if (Array.isArray(column)) return column;
  return column.codes.map((code) => (code === null ? null : (column.dictionary[code] ?? null)));
}

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
