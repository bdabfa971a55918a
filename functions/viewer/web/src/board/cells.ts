// Values of the warehouse as people read and order them, by their BigQuery type.
import { format as d3Format, formatSpecifier, type FormatSpecifier } from "d3-format";
import { isNumeric, type Cell } from "../payload";
import { listMembers, readBoundType, readElementType } from "./column_parts";
import { abbreviateZone, toClockText, toOffsetText } from "./time_zone";

/** Three decimals, or three digits where the first three decimals would all be zero. */
const NUMBER = new Intl.NumberFormat("en", {
  maximumFractionDigits: 3,
  maximumSignificantDigits: 3,
  roundingPriority: "morePrecision",
});
const POWERS = new Intl.NumberFormat("en", { notation: "scientific", maximumSignificantDigits: 4 });
const READABLE: [number, number] = [1e-6, 1e15];
const TEXT = new Intl.Collator("en", { numeric: true });
const MISSING = "–";
const EMPTY = "(empty)";
/** More decimals than BIGNUMERIC has. */
const DECIMALS = 40;
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Short enough to scan; `showFully` has every digit. */
export function formatCell(value: Cell, type: string): string {
  if (value === null) return MISSING;
  if (typeof value === "object") return writeNested(value, type, formatMember);
  if (isNumeric(type)) return formatNumber(value, type);
  if (type === "TIMESTAMP") return `${formatClock(toClockText(String(value)))} ${abbreviateZone(Date.parse(String(value)))}`;
  return type === "DATETIME" || type === "TIME" ? formatClock(String(value)) : String(value);
}

/** As `formatCell`, where the column says whether a whole number counts something or names it. */
export function formatColumn(value: Cell, type: string, name: string): string {
  return formatCell(value, type === "INT64" && value !== null && isName(name) ? "STRING" : type);
}

/** A whole number that names something, such as a year: nobody writes those with separators. */
export function isName(column: string): boolean {
  return /(^|[_\s.])(year|id|zip|postcode|flight)$|[_\s.](key|code|number|no|nr)$/i.test(column) || /[a-z](Id|Year)$/.test(column);
}

/** Two values that differ are two texts: every digit, a moment to the microsecond. */
export function formatFully(value: Cell, type: string): string {
  if (typeof value === "object" && value !== null) return writeNested(value, type, formatMember);
  if (type !== "TIMESTAMP") return type === "DATETIME" ? String(value).replace("T", " ") : showFully(value);
  return `${toClockText(String(value))} ${abbreviateZone(Date.parse(String(value)))}`;
}

/** A value for another program: a moment has the offset of the zone it is shown in. */
export function formatForFile(value: Cell, type: string): string {
  return type === "TIMESTAMP" ? toOffsetText(String(value)) : showFully(value);
}

/** The value as it came: every digit, a moment to the microsecond. */
export function showFully(value: Cell): string {
  if (value === null) return "NULL";
  return typeof value === "string" ? value : writeJson(value);
}

/** As JSON.stringify, which drops the sign of -0: BigQuery tells it from 0, and JSON can, too. */
function writeJson(value: Cell): string {
  if (Object.is(value, -0)) return "-0";
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${writeJson(one)}`).join(",")}}`;
}

/** A name on an axis, in a legend, a header or a text: all of a number's digits, and something to see for nothing. */
export function formatName(value: Cell): string {
  if (value === null) return MISSING;
  if (value === "") return EMPTY;
  if (Array.isArray(value)) return value.map(formatName).join("\n");
  return typeof value === "number" ? String(value).replace(/e\+?/, "E") : showFully(value);
}

/** What has no type any more, such as a value that a chart worked out. */
export function formatUntyped(value: Cell): string {
  return formatCell(value, typeof value === "number" ? "FLOAT64" : "STRING");
}

/** A number by a d3-format pattern; what is no number is shown as in a table. */
export function formatMetric(value: Cell, type: string, pattern: string | null): string {
  if (value === "") return EMPTY;
  if (value === null || !pattern || !isNumeric(type)) return formatCell(value, type);
  try {
    return formatByPattern(value as number | string, pattern);
  } catch {
    return formatCell(value, type); // not a pattern of d3-format
  }
}

/** Negative when `a` comes first; NULL comes last when descending as well. */
export function compareCells(a: Cell, b: Cell, type: string, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order = isNumeric(type) ? compareNumbers(a as number | string, b as number | string) : compareTexts(a, b);
  return descending ? -order : order;
}

function formatNumber(value: Cell, type: string): string {
  const size = Math.abs(Number(value));
  if (!Number.isFinite(size)) return String(value);
  if (size === 0) return "0"; // minus zero too: they are one value to BigQuery
  if (size < READABLE[0] || (type === "FLOAT64" && size >= READABLE[1])) return POWERS.format(Number(value));
  return NUMBER.format(value as Intl.StringNumericLiteral | number);
}

/** A STRUCT, an ARRAY or a RANGE with what is in it written by its type; a RANGE as BigQuery writes it. */
function writeNested(value: Cell[] | { [key: string]: Cell }, type: string, write: (part: Cell, type: string) => string): string {
  const writePart = (part: Cell, partType: string) => (isQuoted(part, partType) ? JSON.stringify(write(part, partType)) : write(part, partType));
  if (Array.isArray(value)) return `[${value.map((part) => writePart(part, readElementType(type))).join(",")}]`;
  const bound = readBoundType(type);
  if (bound !== null) return `[${["start", "end"].map((end) => (value[end] == null ? "UNBOUNDED" : write(value[end], bound))).join(", ")})`;
  const types = new Map(listMembers(type));
  return `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}:${writePart(part, types.get(name) ?? "")}`).join(",")}}`;
}

function isQuoted(part: Cell, type: string): boolean {
  return typeof part === "string" && !isNumeric(type);
}

/** All that a part is: where there are several values, none has room of its own for a title. */
function formatMember(part: Cell, type: string): string {
  return part === null ? "null" : formatFully(part, type);
}

/** ISO 8601 with a space for the T and without fractions of a second. */
function formatClock(text: string): string {
  return text.replace("T", " ").replace(/(:\d\d)\.\d+/, "$1").replace(/Z$/, "");
}

function formatByPattern(value: number | string, pattern: string): string {
  const number = Number(value);
  if (!Number.isFinite(number)) return String(value);
  const wanted = formatSpecifier(pattern);
  // Exact numbers come as text. d3-format knows doubles only, which hold fifteen digits.
  if (typeof value === "string" && isPlain(wanted)) return formatExactly(value, wanted);
  return d3Format(pattern)(number);
}

function isPlain({ type, width, sign, symbol }: FormatSpecifier): boolean {
  return ["d", "f", "%"].includes(type) && width === undefined && sign === "-" && ["", "$"].includes(symbol);
}

function formatExactly(text: string, { type, comma, precision, symbol, trim }: FormatSpecifier): string {
  const decimals = type === "d" ? 0 : (precision ?? 6);
  const format = new Intl.NumberFormat("en", {
    useGrouping: comma,
    minimumFractionDigits: trim ? 0 : decimals,
    maximumFractionDigits: decimals,
    style: type === "%" ? "percent" : "decimal",
  });
  // d3-format writes a minus sign, not a hyphen.
  return format.format(text as Intl.StringNumericLiteral).replace(/^(-?)/, (minus) => (minus ? "−" : "") + symbol);
}

function compareNumbers(a: number | string, b: number | string): number {
  const difference = Number(a) - Number(b);
  if (difference) return difference; // rounding to doubles never turns an order round
  if (Number.isNaN(difference)) return rankSpecial(a) - rankSpecial(b);
  const [left, right] = [scale(a), scale(b)];
  return left === right ? 0 : left < right ? -1 : 1;
}

/** NaN before everything, as BigQuery orders it; equal infinities are equal. */
function rankSpecial(value: number | string): number {
  return Number.isNaN(Number(value)) ? 0 : 1;
}

/** The digits of a decimal as one whole number. */
function scale(value: number | string): bigint {
  const parts = DECIMAL.exec(String(value));
  if (!parts) return 0n; // a double with an exponent, equal to the other as a double
  const [, sign, whole = "", fraction = ""] = parts;
  return BigInt(sign + whole + fraction.padEnd(DECIMALS, "0"));
}

function compareTexts(a: Cell, b: Cell): number {
  return TEXT.compare(showFully(a), showFully(b));
}
