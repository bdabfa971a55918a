// How charts write what they show: titles of fields, and the values in tooltips as tables write them.
import { expressionFunction, type Spec } from "vega";
import type { Config } from "vega-lite";
import { formatCell, formatMetric, formatName, isName } from "./cells";
import { LEGEND_LABEL_SIZE, wrapLabel, wrapText } from "./legends";
import { wrapHeaders } from "./small_multiples";
import type { PreparedSpec } from "./spec_fields";
import type { Cell } from "../payload";

interface TitledField {
  field?: string;
  bin?: unknown;
  timeUnit?: unknown;
  aggregate?: unknown;
}

const UNITS = /year|quarter|month|isoweek|week|dayofyear|date|day|hours|milliseconds|minutes|seconds/g;
const CLOCK = /(\d\d:\d\d:\d\d)\.000Z$/;
/** How Vega-Lite writes a value that is a name: as text, with `null` for NULL. */
const WRITTEN_NAME = /isValid\(((?:datum|parent)\["(?:[^"\\]|\\.)*"\])\) \? (?:isArray\(\1\) \? join\(\1, '[^']*'\) : )?\1 : ""\+\1/g;
const DISCRETE = new Set(["band", "point", "ordinal"]);
const LEGENDS = ["fill", "stroke", "shape", "size", "opacity", "fillOpacity", "strokeOpacity", "strokeWidth", "strokeDash"];
/** The formats of tooltips that name none of their own; `config.customFormatTypes` lets them. */
export const TOOLTIP_FORMATS = { numberFormat: "", numberFormatType: "shownNumber", timeFormat: "", timeFormatType: "shownMoment" };

/** The functions that compiled specs call. */
export function registerFormats(): void {
  expressionFunction("shownNumber", (value?: Cell, exact?: Cell) => formatCell(exact ?? value ?? null, exact ? "NUMERIC" : "FLOAT64"));
  expressionFunction("shownName", (value?: Cell, exact?: Cell) => formatCell(exact ?? value ?? null, "STRING"));
  expressionFunction("shownMoment", (value?: number | Date | null) => formatCell(writeClock(value), "STRING"));
  expressionFunction("shownDate", (value?: number | Date | null) => formatCell(writeClock(value)?.slice(0, 10) ?? null, "STRING"));
  expressionFunction("shownText", (value?: Cell) => formatName(value ?? null));
  expressionFunction("wrapText", (value: unknown, limit: number) => wrapText(value, limit, LEGEND_LABEL_SIZE));
  expressionFunction("exactNumber", (value: Cell, pattern: string) => formatMetric(value, "NUMERIC", pattern));
}

/** Titles as Vega-Lite makes them, by what the author called each field. */
export function makeTitles(titles: Map<string, string>): (field: TitledField, config: Config) => string {
  return ({ field = "", bin, timeUnit, aggregate }, config) => {
    const name = titles.get(field) ?? field;
    if (aggregate === "count") return String(config.countTitle ?? "Count of Records");
    if (bin && bin !== "binned") return `${name} (binned)`;
    const unit = typeof timeUnit === "object" && timeUnit ? (timeUnit as { unit?: unknown }).unit : timeUnit;
    if (typeof unit === "string" && !unit.startsWith("binned")) return `${name} (${(unit.match(UNITS) ?? [unit]).join("-")})`;
    if (typeof aggregate === "string") return `${aggregate.charAt(0).toUpperCase()}${aggregate.slice(1)} of ${name}`;
    const [[extreme, by] = []] = Object.entries((aggregate ?? {}) as object) as [string, string][];
    return extreme && by ? `${name} for ${extreme.slice(3)} ${titles.get(by) ?? by}` : name;
  };
}

/** A compiled spec that writes values as tables do: dates and moments, names and numbers, NULL, and every digit. */
export function refineFormats(spec: Spec, { columns, exact }: PreparedSpec): Spec {
  nameValues(spec, findDiscrete(spec));
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const refine = (text: string) =>
    text.replace(WRITTEN_NAME, "shownText($1)").replace(/shown(Number|Moment)\(datum\["([^"\\]+)"\]\)/g, (all, kind: string, name: string) => {
      if (kind === "Moment") return types.get(name) === "DATE" ? `shownDate(datum["${name}"])` : all;
      const digits = exact.get(name);
      const call = types.get(name) === "INT64" && isName(name) ? "shownName" : "shownNumber";
      return `${call}(datum["${name}"]${digits ? `, datum["${digits}"]` : ""})`;
    });
  rewriteTexts(spec, refine);
  wrapHeaders(spec);
  return spec;
}

/** The scales of names, in the whole spec: a guide in a facet may belong to a scale around it. */
function findDiscrete(value: unknown, found = new Set<unknown>()): Set<unknown> {
  if (typeof value !== "object" || value === null) return found;
  const { name, type, range } = value as Record<string, unknown>;
  if (range !== undefined && DISCRETE.has(String(type))) found.add(name);
  Object.values(value).forEach((part) => findDiscrete(part, found));
  return found;
}

/** Have axes and legends of names write them as they are written elsewhere, where their author says nothing else. */
function nameValues(value: unknown, discrete: ReadonlySet<unknown>): void {
  if (typeof value !== "object" || value === null) return;
  const { axes = [], legends = [] } = value as { axes?: Guide[]; legends?: Guide[] };
  for (const axis of axes) if (discrete.has(axis.scale)) nameLabels(axis);
  for (const legend of legends) if (LEGENDS.some((channel) => discrete.has(legend[channel]))) nameLabels(legend, wrapLabel);
  Object.values(value).forEach((part) => nameValues(part, discrete));
}

interface Guide {
  [key: string]: unknown;
  encode?: { labels?: { update?: Record<string, unknown> } };
}

function nameLabels(guide: Guide, wrap = (text: string) => text): void {
  const written = guide.encode?.labels?.update?.text as { signal?: string } | undefined;
  if (written?.signal) written.signal = wrap(written.signal);
  if (guide.format !== undefined || guide.formatType !== undefined || guide.encode?.labels?.update?.text) return;
  const { labels } = (guide.encode ??= {});
  guide.encode.labels = { ...labels, update: { ...labels?.update, text: { signal: wrap("shownText(datum.value)") } } };
}

function rewriteTexts(value: unknown, rewrite: (text: string) => string): void {
  if (typeof value !== "object" || value === null) return;
  const part = value as Record<string, unknown>;
  for (const [key, item] of Object.entries(part)) {
    if (typeof item === "string") {
      if (/shown|isValid/.test(item)) part[key] = rewrite(item);
    } else rewriteTexts(item, rewrite);
  }
}

function writeClock(moment?: number | Date | null): string | null {
  if (moment === null || moment === undefined || Number.isNaN(Number(moment))) return null;
  return new Date(moment).toISOString().replace("T", " ").replace(CLOCK, "$1").replace("Z", "");
}
