// From a chart's spec and its query's columns: what Vega is given for each field, and under which name.
//
// A column may be called anything, be part of another, or hold what a JavaScript number cannot; and one chart may use
// it as a number, as a name and as a moment at once. So each use gets a column of its own where one would not do, with
// a name that means nothing to Vega. Titles keep the name that the author wrote.
import { decodeColumn, isNumeric, type Cell, type QueryData } from "../payload";
import { isName } from "./cells";
import { escapeName, findPartType, readPart, splitPath } from "./column_parts";
import { readTimeZone } from "./time_zone";
import { hasTwoNulls, isExact, UNSEEN, type DrawnColumn, type Kind } from "./values";

export interface PreparedSpec {
  spec: object;
  columns: DrawnColumn[];
  /** What the author called it, by the name in the rows; a moment with the zone it is shown in. */
  titles: Map<string, string>;
  /** The columns that the spec names, by the name in the rows. */
  used: Set<string>;
  /** For numbers that JavaScript cannot hold: the column with their text, by the name of their own. */
  exact: Map<string, string>;
}

type Part = Record<string, unknown>;
type Use = Kind | "sort" | "distinct";

interface Source {
  title: string;
  type: string;
  values: Cell[];
  base: DrawnColumn;
  variants: Map<Kind, DrawnColumn>;
}

const PLAIN = /^[\p{L}_][\p{L}\p{N}_ -]*$/u;
const NESTED = /^(ARRAY|STRUCT|RANGE)</;
const COUNTING = new Set(["count", "distinct", "missing", "valid", "values"]);
const COMPARISONS = ["equal", "lt", "lte", "gt", "gte", "range", "oneOf"];
const UNSORTED = new Set(["tooltip", "text", "detail", "order", "href", "url", "key", "description"]);
const GUIDES: Record<string, string> = { x: "axis", y: "axis", color: "legend", fill: "legend", stroke: "legend", size: "legend", opacity: "legend" };
/** Keys whose text names a field: everywhere, and in transforms only. */
const NAMES = new Set(["field", "argmax", "argmin"]);
const TRANSFORM_NAMES = new Set([...NAMES, "density", "impute", "key", "loess", "lookup", "on", "pivot", "quantile", "regression", "stack"]);
/** What a transform makes that does not say `as`. */
const DEFAULT_OUTPUTS: Record<string, string[]> = { fold: ["key", "value"], density: ["value", "density"], quantile: ["prob", "value"] };
const LISTS = new Set(["fields", "flatten", "fold"]);

export function prepareSpec(spec: object, data: QueryData): PreparedSpec {
  return new SpecFields(spec, data).prepare();
}

class SpecFields {
  private readonly sources = new Map<string, Source | null>();
  private readonly derived: Set<string>;
  private readonly temporal = new Set<string>();
  private readonly columns: DrawnColumn[] = [];
  private readonly titles = new Map<string, string>();
  private readonly used = new Set<string>();
  private readonly exact = new Map<string, string>();

  constructor(
    private readonly spec: object,
    private readonly data: QueryData,
  ) {
    this.derived = new Set(listOutputs((spec as Part).transform));
  }

  prepare(): PreparedSpec {
    this.findTemporal(this.spec);
    this.data.columns.forEach((column, index) => this.addOwn(column, decodeColumn(this.data.values[index] ?? [])));
    // Once to find every form of every field, and once more for groups, which keep all of them.
    this.rewrite(this.spec, "", false);
    const spec = this.rewrite(this.spec, "", false) as object;
    return { spec, columns: this.columns, titles: this.titles, used: this.used, exact: this.exact };
  }

  /** Every column is there by its own name as well: transforms and expressions may read it. */
  private addOwn({ name, type }: QueryData["columns"][number], values: Cell[]): void {
    const source = this.findSource(escapeName(name));
    if (source?.base.name === name || name in Object.prototype) return;
    this.columns.push({ name, type, kind: source?.base.kind ?? (isNumeric(type) ? "number" : "raw"), values });
  }

  private findTemporal(value: unknown): void {
    if (Array.isArray(value)) value.forEach((one) => this.findTemporal(one));
    else if (isPart(value)) {
      if (typeof value.field === "string" && isTemporal(value)) this.temporal.add(value.field);
      Object.values(value).forEach((one) => this.findTemporal(one));
    }
  }

  /** The column, or the part of one, that a field of the file names; null for what a transform made. */
  private findSource(field: string): Source | null {
    let found = this.sources.get(field);
    if (found === undefined) this.sources.set(field, (found = this.makeSource(field)));
    return found;
  }

  private makeSource(field: string): Source | null {
    const names = this.data.columns.map(({ name }) => name);
    const whole = names.indexOf(field);
    const path = whole >= 0 ? [field] : splitPath(field);
    const index = names.indexOf(path[0] ?? "");
    const column = this.data.columns[index];
    if (!column || this.derived.has(field) || this.derived.has(column.name)) return null;
    const type = findPartType(column.type, path.slice(1));
    if (type === null) return null;
    const escaped = path.map(escapeName).join(".");
    const known = this.sources.get(escaped);
    if (known) return known;
    const values = decodeColumn(this.data.values[index] ?? []).map((value) => readPart(value, path.slice(1)));
    return this.addSource(path, type, values, [field, escaped, path.join(".")].some((one) => this.temporal.has(one)));
  }

  private addSource(path: string[], type: string, values: Cell[], temporal: boolean): Source {
    const title = path.join(".");
    const [first = ""] = path;
    const plain = path.length === 1 && PLAIN.test(first) && !(first in Object.prototype);
    const kind: Kind = isNumeric(type) ? "number" : temporal ? "time" : "raw";
    const base: DrawnColumn = { name: plain ? first : this.nameColumn(), type, kind, values };
    this.addColumn(base, title);
    return { title, type, values, base, variants: new Map() };
  }

  private addColumn(column: DrawnColumn, title: string): void {
    const zone = column.type !== "TIMESTAMP" ? "" : ` (${column.kind === "utc" ? "UTC" : readTimeZone()})`;
    this.columns.push(column);
    this.titles.set(column.name, (title in Object.prototype ? title + UNSEEN : title.replaceAll("\\", "\u29f5")) + zone);
  }

  /** A name that no column has. */
  private nameColumn(): string {
    let name = "";
    do name = `column_${this.columns.length}${name && "_"}`;
    while (this.data.columns.some((column) => column.name === name) || this.derived.has(name));
    return name;
  }

  /** The name in the rows of `field`, used as `use`. */
  private rename(field: string, use: Use): string {
    const source = this.findSource(field);
    if (!source) return field in Object.prototype ? field + UNSEEN : field;
    const { name, kind } = this.findVariant(source, chooseKind(source, use));
    this.used.add(name);
    if (kind === "number" && !isExact(source.values)) this.exact.set(name, this.findVariant(source, "text").name);
    return name;
  }

  private findVariant(source: Source, kind: Kind): DrawnColumn {
    if (kind === source.base.kind) return source.base;
    let variant = source.variants.get(kind);
    if (!variant) {
      variant = { name: this.nameColumn(), type: source.type, kind, values: source.values };
      source.variants.set(kind, variant);
      this.addColumn(variant, source.title);
    }
    return variant;
  }

  /** Every form of a field, so that none is lost when rows are grouped by it. */
  private listForms(field: string): string[] {
    const source = this.findSource(field);
    if (!source) return [this.rename(field, "raw")];
    const inexact = isNumeric(source.type) && !isExact(source.values);
    if (inexact) ["text", "rank"].forEach((kind) => this.findVariant(source, kind as Kind));
    if (source.type === "TIMESTAMP") this.findVariant(source, "text");
    return [source.base, ...source.variants.values()].map(({ name }) => name);
  }

  private rewrite(value: unknown, key: string, inTransform: boolean): unknown {
    if (Array.isArray(value)) return value.map((one) => this.rewrite(one, key, inTransform));
    if (!isPart(value)) return value;
    if (key === "encoding") return Object.fromEntries(Object.entries(value).map(([channel, part]) => [channel, this.rewriteChannel(channel, part)]));
    // Sums and means of values need the values; the first and the last, and each alone, their order.
    const use = key === "sort" && ["min", "max", undefined].includes(value.op as string | undefined) ? "sort" : chooseUse(value);
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => {
        const isNamed = (inTransform && !("field" in value) ? TRANSFORM_NAMES : NAMES).has(name) || (name === "value" && "pivot" in value);
        if (typeof part === "string" && isNamed) return [name, this.rename(part, name === "field" ? use : "raw")];
        if (Array.isArray(part) && name === "groupby") return [name, part.flatMap((one) => (typeof one === "string" ? this.listForms(one) : one))];
        if (Array.isArray(part) && LISTS.has(name)) return [name, part.map((one) => (typeof one === "string" ? this.rename(one, name === "fields" ? "distinct" : "raw") : one))];
        return [name, this.rewrite(part, name, inTransform || name === "transform")];
      }),
    );
  }

  private rewriteChannel(channel: string, value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.rewriteChannel(channel, one));
    if (!isPart(value)) return value;
    const made = this.rewrite(value, channel === "order" ? "sort" : "channel", false) as Part;
    if ("condition" in value) made.condition = this.rewriteChannel(channel, value.condition);
    const source = typeof value.field === "string" ? this.findSource(value.field) : null;
    if (!source) return made;
    if (chooseUse(value) === "text" && isNumeric(source.type) && !isExact(source.values)) this.orderByValue(channel, source, value, made);
    if (source.type === "INT64" && isName(source.title)) writePlainly(channel, value, made);
    return made;
  }

  /** Numbers that stand as text are still in the order of numbers, and are written with the digits they have. */
  private orderByValue(channel: string, source: Source, value: Part, made: Part): void {
    if (UNSORTED.has(channel)) {
      if (typeof value.format === "string") Object.assign(made, { type: "nominal", formatType: "exactNumber" });
    } else if (["ascending", "descending", undefined].includes(value.sort as string | undefined)) {
      made.sort = { field: this.findVariant(source, "rank").name, op: "min", order: value.sort ?? "ascending" };
    }
  }
}

function chooseKind({ type, values, base }: Source, use: Use): Kind {
  if (isNumeric(type)) {
    if (["text", "sort", "distinct"].includes(use) && !isExact(values)) return use === "sort" ? "rank" : "text";
    return "number";
  }
  if (use === "utc") return type === "TIMESTAMP" ? "utc" : "time";
  if (use === "text" && (NESTED.test(type) || ["TIMESTAMP", "DATETIME"].includes(type) || base.kind === "time" || hasTwoNulls(values))) return "text";
  return base.kind;
}

/** How a part of the spec uses its field. */
function chooseUse(part: Part): Use {
  if (isTemporal(part)) return isUtc(part) ? "utc" : "time";
  if (typeof part.aggregate === "string") return COUNTING.has(part.aggregate) ? "distinct" : "number";
  if ("aggregate" in part || part.bin) return "number";
  const compared = COMPARISONS.flatMap((name) => (name in part ? [part[name]] : []));
  if (compared.length) return JSON.stringify(compared).includes('"') && !JSON.stringify(compared).includes("{") ? "text" : "raw";
  if ("op" in part) return COUNTING.has(String(part.op)) ? "distinct" : "number";
  return part.type === "quantitative" ? "number" : "text";
}

function isTemporal(part: Part): boolean {
  return part.type === "temporal" || Boolean(part.timeUnit);
}

/** The author asks for UTC itself, whatever the zone of the dashboard. */
function isUtc({ timeUnit, scale }: Part): boolean {
  if (isPart(scale) && scale.type === "utc") return true;
  return typeof timeUnit === "string" ? timeUnit.startsWith("utc") : isPart(timeUnit) && timeUnit.utc === true;
}

function writePlainly(channel: string, value: Part, made: Part): void {
  const guide = GUIDES[channel];
  if (!guide || value.type !== "quantitative" || value.aggregate || value.bin || value[guide] === null) return;
  made[guide] = { format: "d", ...(value[guide] as object | undefined) };
}

function listOutputs(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(listOutputs);
  if (!isPart(value)) return [];
  const own = [value.as ?? Object.entries(DEFAULT_OUTPUTS).flatMap(([key, names]) => (key in value ? names : []))].flat().filter((name): name is string => typeof name === "string");
  return [...own, ...Object.values(value).flatMap(listOutputs)];
}

function isPart(value: unknown): value is Part {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
