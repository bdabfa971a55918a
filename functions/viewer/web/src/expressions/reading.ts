// What a Vega expression says, read by Vega's own grammar: what it calls, which signals and fields it reads, and where.
//
// Built into one file that the library runs when it checks a dashboard; no page loads it. Nothing that an author wrote is
// run: an expression is parsed, its constants are folded, its patterns are read.
import { codegenExpression, constants, functions, parseExpression } from "vega-expression";
import { countItems } from "./constants";
import type { Node } from "./nodes";

/** The names of all functions that Vega knows, written in by the build. */
declare const VEGA_FUNCTIONS: string[];

interface Place {
  start: number;
  end: number;
}

interface Reading {
  error: (Place & { message: string }) | null;
  calls: (Place & { name: string })[];
  /** Names that are neither a row nor a constant. */
  signals: (Place & { name: string })[];
  /** Fields of `datum`; null where only the data can tell which. */
  fields: (Place & { name: string | null })[];
  /** Calls that make more than one thing out of constants, with how many. */
  counts: (Place & { name: string; count: number })[];
  /** Patterns that are written in it, as such or as text; null where only the data or a reader can tell which. */
  patterns: (Place & { pattern: string | null; flags: string })[];
  /** Formats of numbers and times that are written in it. */
  formats: (Place & { kind: string; format: string })[];
}

const SCOPES = new Set(["datum", "event", "item"]);
/** Which argument of a function is a pattern, even as text. */
const PATTERN_ARGUMENTS: Record<string, number> = { regexp: 0, test: 0 };
/** What the second argument of a function is the format of. */
const FORMATS: Record<string, string> = { format: "number", timeFormat: "time", timeParse: "time", utcFormat: "time", utcParse: "time" };

const generate = codegenExpression({
  forbidden: ["_"],
  allowed: [...SCOPES],
  fieldvar: "datum",
  globalvar: (name) => name,
  functions: (visitor) => ({ ...Object.fromEntries(VEGA_FUNCTIONS.map((name) => [name, name])), ...functions(visitor) }),
});

export function readExpression(text: string): Reading {
  const reading: Reading = { error: null, calls: [], signals: [], fields: [], counts: [], patterns: [], formats: [] };
  let root: Node;
  try {
    root = parseExpression(text) as unknown as Node;
  } catch (error) {
    return { ...reading, error: placeError(text, error as Error & { index?: number }) };
  }
  placeLeaves(text, root);
  collect(root, reading);
  // Said at its place already, and an unknown function is said by whoever knows the likely one.
  if (reading.error || !reading.calls.every(({ name }) => VEGA_FUNCTIONS.includes(name))) return reading;
  try {
    generate(root);
  } catch (error) {
    reading.error = { message: (error as Error).message, start: 0, end: text.length };
  }
  return reading;
}

export function listFunctions(): string[] {
  return VEGA_FUNCTIONS;
}

/** The parser says where it stood: behind what it did not expect. */
function placeError(text: string, error: Error & { index?: number }): NonNullable<Reading["error"]> {
  const end = Math.min(error.index ?? text.length, text.length);
  const unexpected = /^Unexpected (?!end)/.test(error.message) && !error.message.endsWith("ILLEGAL");
  const token = unexpected ? /(?:[\w$]+|"[^"]*"|'[^']*'|\S)\s*$/.exec(text.slice(0, end))?.[0] : undefined;
  const message = error.message === "Disabled." ? "there is no new, delete, void, typeof, ++ or --" : error.message;
  return { message, start: end - (token?.length ?? 0), end };
}

/**
 * Give names and literals their places, which the parser does not keep. In the order of the text nothing but white space
 * and punctuation stands between one of them and the next, so the next place at which it is found is its own.
 */
function placeLeaves(text: string, root: Node): void {
  let at = 0;
  const place = (written: string, node?: Node) => {
    const start = text.indexOf(written, at);
    if (start < 0) return;
    at = start + written.length;
    if (node) Object.assign(node, { start, end: at });
  };
  const visit = (node: Node | null): void => {
    if (!node) return;
    if (node.type === "Identifier") place(node.name, node);
    else if (node.type === "Literal") place(node.raw, node);
    else if (node.type === "BinaryExpression") {
      visit(node.left);
      if (/^[a-z]/.test(node.operator)) place(node.operator);
      visit(node.right);
    } else listParts(node).forEach(visit);
  };
  visit(root);
}

function listParts(node: Node): (Node | null)[] {
  switch (node.type) {
    case "ArrayExpression":
      return node.elements;
    case "BinaryExpression":
    case "LogicalExpression":
      return [node.left, node.right];
    case "CallExpression":
      return [node.callee, ...node.arguments];
    case "ConditionalExpression":
      return [node.test, node.consequent, node.alternate];
    case "MemberExpression":
      return [node.object, node.property];
    case "ObjectExpression":
      return node.properties;
    case "Property":
      return [node.key, node.value];
    case "UnaryExpression":
      return [node.argument];
    default:
      return [];
  }
}

/** From the first leaf to the last; the beginning of the text for what has none. */
function findPlace(node: Node): Place {
  if (node.start !== undefined && node.end !== undefined) return { start: node.start, end: node.end };
  const places = listParts(node).flatMap((part) => (part ? [findPlace(part)] : []));
  return { start: places[0]?.start ?? 0, end: places.at(-1)?.end ?? 0 };
}

function collect(node: Node | null, reading: Reading): void {
  if (!node) return;
  if (node.type === "Identifier") collectName(node, reading);
  else if (node.type === "MemberExpression") collectMember(node, reading);
  else if (node.type === "Property") collect(node.value, reading);
  else if (node.type === "CallExpression") collectCall(node, reading);
  else {
    if (node.type === "Literal" && node.regex) collectPattern(node, node.regex.pattern, node.regex.flags, reading);
    listParts(node).forEach((part) => collect(part, reading));
  }
}

function collectName(node: Node & { type: "Identifier" }, reading: Reading): void {
  const { name } = node;
  if (name === "datum") reading.fields.push({ name: null, ...findPlace(node) });
  else if (!SCOPES.has(name) && !(name in constants) && name !== "_") reading.signals.push({ name, ...findPlace(node) });
}

function collectMember(node: Node & { type: "MemberExpression" }, reading: Reading): void {
  const { object, property, computed } = node;
  if (object.type === "Identifier" && object.name === "datum") {
    const place = findPlace(property);
    if (property.type === "Literal") reading.fields.push({ name: String(property.value), ...place });
    else if (property.type === "Identifier" && !computed) reading.fields.push({ name: property.name, ...place });
    else reading.fields.push({ name: null, ...place });
  } else collect(object, reading);
  if (computed) collect(property, reading);
}

function collectCall(node: Node & { type: "CallExpression" }, reading: Reading): void {
  const { callee, arguments: given } = node;
  if (callee.type !== "Identifier") reading.error ??= { message: "only a function of Vega can be called", ...findPlace(callee) };
  else {
    const place = findPlace(callee);
    reading.calls.push({ name: callee.name, ...place });
    const count = countItems(callee.name, given);
    if (count !== null) reading.counts.push({ name: callee.name, count: Math.min(count, Number.MAX_SAFE_INTEGER), ...place });
    const pattern = given[PATTERN_ARGUMENTS[callee.name] ?? given.length];
    // Judged where they are written and where they are made.
    if (pattern && !(pattern.type === "Literal" && pattern.regex) && !isCallOf("regexp", pattern)) {
      const flags = given[1];
      const written = callee.name === "regexp" && flags?.type === "Literal" ? String(flags.value) : "";
      collectPattern(pattern, foldText(pattern), written, reading);
    }
  }
  collectFormat(callee, given[1], reading);
  given.forEach((part) => collect(part, reading));
}

function collectFormat(callee: Node, given: Node | undefined, reading: Reading): void {
  const kind = callee.type === "Identifier" && Object.hasOwn(FORMATS, callee.name) ? FORMATS[callee.name] : undefined;
  const format = given && foldText(given);
  if (kind && given && typeof format === "string") reading.formats.push({ kind, format, ...findPlace(given) });
}

function isCallOf(name: string, node: Node): boolean {
  return node.type === "CallExpression" && node.callee.type === "Identifier" && node.callee.name === name;
}

/** The text that a node stands for whatever the data; null when the data decides. */
function foldText(node: Node): string | null {
  if (node.type === "Literal" && !node.regex) return String(node.value);
  if (node.type !== "BinaryExpression" || node.operator !== "+") return null;
  const [left, right] = [foldText(node.left), foldText(node.right)];
  return left === null || right === null ? null : left + right;
}

function collectPattern(node: Node, pattern: string | null, flags: string, reading: Reading): void {
  reading.patterns.push({ pattern, flags, ...findPlace(node) });
}
