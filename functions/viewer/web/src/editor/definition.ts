// What the text of a dashboard says, as far as a preview needs it: the service alone decides what is valid.
import { CORE_SCHEMA, load } from "js-yaml";
import type { Cell, Chart } from "../payload";

export interface QueryText {
  sql?: string;
  file?: string;
  max_rows?: number;
}

export interface Parameter {
  name: string;
  type: string;
  default?: Cell;
  values?: Cell[];
}

export interface Definition {
  slug: string;
  title: string;
  description: string;
  dataset: string | null;
  timeZone: string;
  /** The zone that its jobs run in, where the file sets one. */
  jobZone: string | null;
  maxBytes: string | number | null;
  parameters: Parameter[];
  queries: Record<string, QueryText>;
  charts: Chart[];
  layout: { chart: string; width: number }[][];
}

const COLUMNS = 12;
const TAKEN = new Set(["id", "title", "query", "description", "type"]);
type Part = Record<string, unknown>;

/** The definition in `text`. Throws when it is not YAML or not a mapping; parts of a wrong kind are left out. */
export function readDefinition(text: string): Definition {
  const data = load(text, { schema: CORE_SCHEMA });
  if (!isPart(data)) throw new Error("A dashboard is a mapping of keys.");
  const charts = listParts(data.charts).filter((one) => typeof one.id === "string").map(readChart);
  const queries = isPart(data.queries) ? data.queries : {};
  return {
    slug: toText(data.slug),
    title: toText(data.title),
    description: toText(data.description),
    jobZone: toText(data.time_zone) || null,
    timeZone: toText(data.time_zone) || toText(isPart(data.refresh) ? data.refresh.time_zone : "") || "UTC",
    dataset: typeof data.dataset === "string" ? data.dataset : null,
    maxBytes: isPart(data.budget) ? ((data.budget.per_query as string | number | undefined) ?? null) : null,
    parameters: listParts(data.parameters) as unknown as Parameter[],
    queries: Object.fromEntries(Object.entries(queries).filter(([, query]) => isPart(query))) as Record<string, QueryText>,
    charts,
    layout: readLayout(data.layout, charts),
  };
}

/** The SQL files that queries name, each once. */
export function listFiles(definition: Definition): string[] {
  const named = Object.values(definition.queries).flatMap(({ file }) => (typeof file === "string" && file ? [file] : []));
  return [...new Set(named)].sort();
}

export function findSql(query: QueryText, files: Record<string, string>): string {
  return toText(query.sql ?? (query.file ? files[query.file] : ""));
}

/** What each parameter is when nobody chooses. */
export function findDefault(parameter: Parameter): Cell {
  return parameter.default ?? parameter.values?.[0] ?? null;
}

/**
 * Equal for queries that read the same rows: their SQL, the values bound to it, and where tables are looked up.
 */
export function identifyQuery(definition: Definition, name: string, files: Record<string, string>): string {
  const query = definition.queries[name] ?? {};
  const sql = findSql(query, files).trim();
  return JSON.stringify([sql, definition.dataset, definition.jobZone, query.max_rows ?? null, listBound(definition, sql)]);
}

/** The parameters that `sql` names, with their defaults. */
export function listBound({ parameters }: Definition, sql: string): { name: string; type: string; value: Cell }[] {
  const named = new Set([...sql.matchAll(/@(\w+)/g)].map((found) => found[1]?.toLowerCase()));
  return parameters
    .filter(({ name }) => named.has(String(name).toLowerCase()))
    .map((one) => ({ name: one.name, type: one.type, value: findDefault(one) }));
}

function readChart(one: Part): Chart {
  const { type } = one;
  const rest = Object.fromEntries(Object.entries(one).filter(([name]) => !TAKEN.has(name)));
  const spec = type === "metric" || type === "table" ? { ...rest, type } : rest;
  return {
    id: toText(one.id),
    title: toText(one.title),
    query: toText(one.query),
    description: toText(one.description),
    spec: spec as Chart["spec"],
  };
}

/** Rows of cells with every width filled in, as the service fills them. */
function readLayout(layout: unknown, charts: Chart[]): Definition["layout"] {
  const rows = (Array.isArray(layout) ? layout : []).map(listParts).filter((row) => row.length);
  if (!rows.length) return charts.map(({ id }) => [{ chart: id, width: COLUMNS }]);
  return rows.map(fillWidths);
}

function fillWidths(row: Part[]): { chart: string; width: number }[] {
  const given = row.map((cell) => (typeof cell.width === "number" ? cell.width : null));
  let free = COLUMNS - given.reduce<number>((sum, width) => sum + (width ?? 0), 0);
  let open = given.filter((width) => width === null).length;
  return row.map((cell, index) => {
    const width = given[index] ?? Math.max(1, Math.floor(free / open));
    if (given[index] === null) [free, open] = [free - width, open - 1];
    return { chart: toText(cell.chart), width: Math.min(Math.max(Math.round(width), 1), COLUMNS) };
  });
}

function isPart(value: unknown): value is Part {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listParts(value: unknown): Part[] {
  return Array.isArray(value) ? value.filter(isPart) : [];
}

function toText(value: unknown): string {
  return value === null || value === undefined ? "" : String(value);
}
