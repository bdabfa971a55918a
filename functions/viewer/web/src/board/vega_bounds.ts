// What a chart may not do to the page that shows it: leave its cell, or take the tab's time. What is saved now is refused
// for it; this holds for what was saved before, and shows the rows as a table with the reason.
import { expressionFunction, type Spec } from "vega";
import { UNITS } from "../expressions/constants";

const MOST_ITEMS = 10_000;
/** A group that is repeated and has a repetition or a choice inside: each character may double the time it takes. */
const COSTLY = /\((?:[^()\\]|\\.)*(?:[+*|]|\{\d*,)(?:[^()\\]|\\.)*\)\s*(?:[+*]|\{)/;
/** Where events may come from: the chart, the window that a drag may leave it for, a clock. An element of the page is none. */
const SOURCES = ["view", "scope", "window", "timer"];
const COUNTS = ["steps", "minsteps", "maxsteps", "maxbins", "count"];

/** Functions of expressions that could run without an end, with one. */
export function boundFunctions(): void {
  const sequence = expressionFunction("sequence") as (...bounds: number[]) => number[];
  const pad = expressionFunction("pad") as (...values: unknown[]) => string;
  expressionFunction("sequence", (...bounds: number[]) => {
    const [start = 0, stop, step = 1] = bounds.length < 2 ? [0, ...bounds] : bounds;
    checkCount("sequence()", Math.abs(((stop ?? 0) - start) / step));
    return sequence(...bounds);
  });
  expressionFunction("pad", (...values: unknown[]) => {
    checkCount("pad()", Number(values[1]));
    return pad(...values);
  });
  for (const name of ["timeSequence", "utcSequence"]) {
    const steps = expressionFunction(name) as (unit: string, start: number, stop: number, step?: number) => number[];
    expressionFunction(name, (unit: string, start: number, stop: number, step = 1) => {
      checkCount(`${name}()`, (stop - start) / (step * (UNITS[unit] ?? 1)));
      return steps(unit, start, stop, step);
    });
  }
  expressionFunction("regexp", (pattern: string | RegExp, flags?: string) => new RegExp(checkPattern(pattern), flags));
  expressionFunction("test", (pattern: string | RegExp, text: unknown) => new RegExp(checkPattern(pattern)).test(String(text)));
  expressionFunction("replace", (text: unknown, pattern: string | RegExp, by: string) => String(text).replace(typeof pattern === "string" ? pattern : checkPattern(pattern), String(by)));
  expressionFunction("split", (text: unknown, by: string | RegExp, limit?: number) => String(text).split(typeof by === "string" ? by : checkPattern(by), limit));
}

/** A compiled spec that stays in its cell. Throws where it asks for more than a page can draw. */
export function boundSpec(spec: Spec): Spec {
  visit(spec);
  return spec;
}

function visit(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  const part = value as Record<string, unknown>;
  const bind = part.bind as Record<string, unknown> | undefined;
  if (typeof bind === "object" && bind) delete bind.element;
  if (typeof part.type === "string") for (const name of COUNTS) if (typeof part[name] === "number") checkCount(name, part[name]);
  if (typeof part.source === "string" && typeof part.type === "string" && !SOURCES.includes(part.source)) throw new Error(`events of ${part.source} are not its own.`);
  if (typeof part.tickCount === "number") checkCount("tickCount", part.tickCount);
  Object.values(part).forEach(visit);
}

function checkCount(what: string, count: number): void {
  if (count > MOST_ITEMS) throw new Error(`${what} asks for ${count} items; at most ${MOST_ITEMS} are made.`);
}

function checkPattern<T extends string | RegExp>(pattern: T): T {
  const source = typeof pattern === "string" ? pattern : pattern.source;
  if (COSTLY.test(source)) throw new Error(`the pattern ${source} may take longer than anybody waits: a repeated group repeats or chooses inside.`);
  return pattern;
}
