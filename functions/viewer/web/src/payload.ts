// What GET /data/{slug} answers, and its columns turned into values.
import { getWithHeaders } from "./api";

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
  /** That moments are drawn in; a payload of an earlier release says none. */
  time_zone?: string;
  parameters: Record<string, Cell>;
  as_of: string;
  checked_at: string;
  age_seconds: number;
  stale: boolean;
  charts: Chart[];
  layout: { chart: string; width: number }[][];
  queries: Record<string, QueryData>;
}

/**
 * The payload at `path`. The headers say how fresh it is: its body may be one that the browser kept, which says how fresh
 * it was, because nothing is sent again that was found unchanged.
 */
export async function fetchPayload(path: string): Promise<Payload> {
  const { data, headers } = await getWithHeaders<Payload>(path);
  return {
    ...data,
    checked_at: headers.get("Almanac-Checked-At") ?? data.checked_at,
    stale: (headers.get("Almanac-Stale") ?? String(data.stale)) === "true",
  };
}

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
