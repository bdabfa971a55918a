// Whether a chart is cheap, by what is written in it alone. Whatever is not on these lists is tried in a worker first, so
// a key that is missing here costs time, and one that should not be here could cost a reader the tab.
import type { Row } from "./rows";

type Part = Record<string, unknown>;

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** Keys whose values are names, colours, switches, sizes: any text, and numbers of a usual size. */
const PLAIN = words(`
  type field title subtitle aggregate argmax argmin op as groupby sort order encoding stack format formatType axis legend scale header
  mark transform params name select fields encodings nearest resolve clear empty param selection bind input options labels min max
  condition test filter and or not calculate expr labelExpr aggregate joinaggregate bin binned timeUnit window fold
  x y x2 y2 xOffset yOffset xError yError xError2 yError2 theta theta2 radius radius2 longitude latitude longitude2 latitude2 color fill
  stroke opacity fillOpacity strokeOpacity strokeWidth strokeDash strokeCap strokeJoin strokeOffset size shape angle text tooltip content
  description href detail key row column facet columns spacing center align baseline
  orient grid ticks domain labelAngle labelAlign labelBaseline labelLimit labelOverlap labelPadding labelFontSize labelFontWeight labelColor
  labelOpacity labelBound labelFlush labelSeparation labelOrient titleAngle titleAlign titleAnchor titleColor titleFontSize titleFontWeight
  titleLimit titleOrient titlePadding titleX titleY gridColor gridDash gridOpacity gridWidth tickColor tickSize tickWidth tickBand tickOffset
  domainColor domainOpacity domainWidth offset position translate zindex bandPosition minExtent maxExtent
  direction symbolType symbolSize symbolStrokeWidth symbolFillColor symbolStrokeColor symbolLimit columnPadding rowPadding gradientLength
  gradientThickness legendX legendY cornerRadius padding fillColor clipHeight
  range scheme zero reverse clamp round paddingInner paddingOuter interpolate domainMin domainMax domainMid rangeMin rangeMax
  point line filled clip cornerRadiusEnd cornerRadiusTopLeft cornerRadiusTopRight cornerRadiusBottomLeft cornerRadiusBottomRight dx dy
  font fontSize fontStyle fontWeight lineBreak lineHeight limit ellipsis dir invalid innerRadius outerRadius padAngle thickness bandSize
  binSpacing band extent borders rule median box outliers cursor style blend tension aria ariaRole ariaRoleDescription height
`);
/** Keys whose values are compared with the data, so that they may be as large as it is. */
const DATA = words("value values domain domainMin domainMax domainMid equal lt lte gt gte range oneOf valid datum options min max");
const EXPRESSIONS = words("calculate expr labelExpr test filter toggle");
const FORMATS = words("format");
/** Functions whose time does not depend on what they are given, or only on its length. */
const FUNCTIONS = words(`
  abs ceil clamp exp floor format hours if isArray isBoolean isDate isDefined isFinite isNaN isNumber isString isValid length log lower max
  min minutes month monthAbbrevFormat monthFormat pow quarter round seconds sin cos tan sqrt substring time timeFormat timeOffset toBoolean toDate
  toNumber toString trim truncate upper utc utcFormat utcdate utcday utchours utcmonth utcquarter utcyear date datetime day dayAbbrevFormat
  dayFormat dayofyear week year now indexof inrange parseFloat parseInt
`);
const MARKS = words("arc area bar boxplot circle errorband errorbar line point rect rule square text tick trail");
const WINDOWS = words("row_number rank dense_rank percent_rank cume_dist lag lead first_value last_value count sum mean average min max");

const RULES: Record<string, (value: unknown) => boolean> = {
  mark: (mark) => MARKS.has(String(typeof mark === "string" ? mark : (mark as Part | null)?.type)),
  maxbins: (count) => isBelow(count, 200),
  timeUnit: (unit) => typeof unit === "string",
  tickCount: (count) => isBelow(count, 100),
  nice: (nice) => typeof nice === "boolean" || isBelow(nice, 100),
  exponent: (exponent) => typeof exponent === "number" && exponent >= 0.1 && exponent <= 10,
  strokeDash: isDash,
  gridDash: isDash,
  on: (event) => typeof event === "string" && /^(click|dblclick|pointerover|mouseover|pointermove|mousemove)$/.test(event),
  toggle: (toggle) => typeof toggle === "boolean",
  bind: (bind) => bind === "scales" || bind === "legend" || (typeof bind === "object" && bind !== null && !("element" in bind)),
  window: (steps) => Array.isArray(steps) && steps.every((step) => WINDOWS.has(String((step as Part | null)?.op))),
  fold: (fields) => Array.isArray(fields) && fields.length <= 20,
  extent: (extent) => typeof extent === "string" || typeof extent === "number",
};
const ON_RULE_ALONE = words("tickCount nice exponent on toggle maxbins step");

const MOST_TEXT = 20_000;
const MOST_EXPRESSION = 1_000;
const MOST_LISTED = 1_000;
const MOST_NUMBER = 10_000;
const MOST_STEPS = 12;
/** How often the calculations of a chart may take up what is there, multiplied: a text could double at each. */
const MOST_REUSE = 1_000;
/** Values of a channel that each have a mark, a tick, an entry of a legend, or a chart of their own. */
const MOST_PLACES = 2_000;
const MOST_ENTRIES = 200;
const MOST_FACETS = 40;

/** Whether a chart is known to end soon, drawn from `rows`. */
export function isCheap(spec: object, rows: Row[]): boolean {
  const { mark, encoding = {}, transform = [], params = [] } = spec as Part;
  const parts = { mark, encoding, transform, params };
  if (JSON.stringify(parts).length > MOST_TEXT || !isPlain("", parts)) return false;
  const steps = transform as Part[];
  if (steps.length > MOST_STEPS || steps.reduce((product, { calculate }) => product * countReads(calculate), 1) > MOST_REUSE) return false;
  return Object.entries(encoding as Part).every(([channel, value]) => isSparse(channel, value as Part, rows));
}

function isPlain(key: string, value: unknown): boolean {
  const rule = RULES[key];
  if (rule && !rule(value)) return false;
  if (value === null || value === undefined || typeof value === "boolean") return true;
  if (typeof value === "number") return DATA.has(key) || Math.abs(value) <= MOST_NUMBER;
  if (typeof value === "string") return (!EXPRESSIONS.has(key) || isCheapExpression(value)) && (!FORMATS.has(key) || !/\d{4}/.test(value));
  if (Array.isArray(value)) return value.length <= MOST_LISTED && value.every((one) => isPlain(rule ? "" : key, one));
  return Object.entries(value as Part).every(([name, part]) => (PLAIN.has(name) || DATA.has(name) || ON_RULE_ALONE.has(name)) && isPlain(name, part));
}

function isCheapExpression(text: string): boolean {
  if (text.length > MOST_EXPRESSION || text.includes("\\")) return false;
  return [...text.matchAll(/([\w$]+)\s*\(/g)].every(([, name]) => FUNCTIONS.has(name ?? ""));
}

function countReads(expression: unknown): number {
  return Math.max(typeof expression === "string" ? expression.split("datum").length - 1 : 1, 1);
}

/** Whether a channel has few enough values for what each of them is given. */
function isSparse(channel: string, value: Part | null, rows: Row[]): boolean {
  const { field, type, aggregate, timeUnit, bin } = value ?? {};
  if (typeof field !== "string") return !isPart(bin);
  if (isPart(bin) && "step" in bin && !isCoarse(bin.step, field, rows)) return false;
  if (type === "quantitative" || aggregate) return true;
  const facets = ["row", "column", "facet"].includes(channel);
  if (!facets && (type === "temporal" || bin || timeUnit)) return true;
  const most = facets ? MOST_FACETS : /^[xy]/.test(channel) ? MOST_PLACES : MOST_ENTRIES;
  if (["tooltip", "text", "href", "detail", "key", "description", "order"].includes(channel) || rows.length <= most) return true;
  return new Set(rows.map((row) => row[field])).size <= most;
}

/** Whether a step is wide enough for the values between which it is taken. */
function isCoarse(step: unknown, field: string, rows: Row[]): boolean {
  const values = rows.map((row) => row[field]).filter((one) => typeof one === "number");
  const [least, most] = values.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [0, 0]);
  return typeof step === "number" && step > 0 && (most - least) / step <= MOST_PLACES;
}

function isPart(value: unknown): value is Part {
  return typeof value === "object" && value !== null;
}

function isDash(dash: unknown): boolean {
  return !Array.isArray(dash) || dash.every((length) => typeof length === "number" && length >= 0.5);
}

function isBelow(value: unknown, most: number): boolean {
  return typeof value === "number" && value > 0 && value <= most;
}
