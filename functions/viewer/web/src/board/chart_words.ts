// A chart in words, made from its rows, for who does not see it: what it is, how much of it, between what, and which way.
import { decodeColumn, isNumeric, type Cell, type Chart, type QueryData } from "../payload";
import { plural } from "../format";
import { compareCells, formatColumn } from "./cells";
import { findPartType, readPart, splitPath } from "./column_parts";

interface Channel {
  field?: unknown;
  type?: unknown;
  aggregate?: unknown;
  timeUnit?: unknown;
  bin?: unknown;
}

interface Column {
  name: string;
  type: string;
  values: Cell[];
}

const CHANNELS = ["x", "y", "theta", "color", "fill", "stroke", "size", "shape", "row", "column", "facet"];
const MOST_NAMES = 5;

export function describeChart(chart: Chart, data: QueryData): string {
  const { mark, encoding = {}, transform } = chart.spec as { mark?: string | { type?: string }; encoding?: Record<string, Channel>; transform?: unknown };
  const name = (typeof mark === "string" ? mark : mark?.type) ?? "mark";
  const used = CHANNELS.filter((channel) => encoding[channel]?.field !== undefined || encoding[channel]?.aggregate);
  const parts = [...new Set(used.map((channel) => describeChannel(encoding[channel] ?? {}, data)))].filter(Boolean);
  const trend = transform ? "" : describeTrend(encoding, data);
  return [`A ${name} chart of ${plural(data.rows, "row")}`, ...parts, trend].filter(Boolean).join(". ");
}

function describeChannel({ field, type, aggregate }: Channel, data: QueryData): string {
  if (typeof aggregate === "string") return typeof field === "string" ? `${capital(aggregate)} of ${field}` : "Number of rows";
  const column = typeof field === "string" ? readField(field, data) : null;
  if (!column) return "";
  const known = sortValues(column);
  if (!known.length) return `${column.name} has no value`;
  const write = (value: Cell | undefined) => formatColumn(value ?? null, column.type, column.name);
  if (type === "temporal") return `${column.name} from ${write(known[0])} to ${write(known.at(-1))}`;
  if (type === "quantitative") return `${column.name} between ${write(known[0])} and ${write(known.at(-1))}`;
  const names = [...new Set(known.map(write))];
  return `${plural(names.length, "value")} of ${column.name}: ${names.slice(0, MOST_NAMES).join(", ")}${names.length > MOST_NAMES ? " and others" : ""}`;
}

/** Where one number per place goes on the way, and where it is highest and lowest. */
function describeTrend({ x, y, ...others }: Record<string, Channel>, data: QueryData): string {
  const plain = (channel?: Channel) => channel && !channel.aggregate && !channel.bin && !channel.timeUnit;
  const isSplit = ["color", "stroke", "fill", "detail", "row", "column", "facet"].some((channel) => others[channel]?.field !== undefined);
  if (!plain(x) || !plain(y) || isSplit || y?.type !== "quantitative") return "";
  const [places, values] = [x?.field, y.field].map((field) => (typeof field === "string" ? readField(field, data) : null));
  if (!places || !values || !isNumeric(values.type)) return "";
  const rows = values.values.flatMap((value, index) => (isFinite(value) && places.values[index] != null ? [{ at: places.values[index] as Cell, value }] : []));
  if (rows.length < 2) return "";
  if (x?.type !== "nominal") rows.sort((a, b) => compareCells(a.at, b.at, places.type, false));
  const order = [...rows].sort((a, b) => compareCells(a.value, b.value, values.type, false));
  const say = (row?: { at: Cell; value: Cell }) => (row ? `${formatColumn(row.value, values.type, values.name)} at ${formatColumn(row.at, places.type, places.name)}` : "");
  const extremes = `Highest ${say(order.at(-1))}, lowest ${say(order[0])}`;
  if (x?.type === "nominal") return extremes;
  const [first, last] = [rows[0], rows.at(-1)];
  const way = compareCells(first?.value ?? null, last?.value ?? null, values.type, false);
  return `${way < 0 ? "Rises" : way > 0 ? "Falls" : "Goes"} from ${say(first)} to ${say(last)}. ${extremes}`;
}

function readField(field: string, data: QueryData): Column | null {
  const names = data.columns.map(({ name }) => name);
  const path = names.includes(field) ? [field] : splitPath(field);
  const index = names.indexOf(path[0] ?? "");
  const column = data.columns[index];
  const type = column && findPartType(column.type, path.slice(1));
  if (!type) return null;
  return { name: path.join("."), type, values: decodeColumn(data.values[index] ?? []).map((value) => readPart(value, path.slice(1))) };
}

function sortValues({ type, values }: Column): Cell[] {
  const known = values.filter((value) => value !== null && (!isNumeric(type) || isFinite(value)));
  return known.sort((a, b) => compareCells(a, b, type, false));
}

function isFinite(value: Cell): boolean {
  return value !== null && Number.isFinite(Number(value));
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
