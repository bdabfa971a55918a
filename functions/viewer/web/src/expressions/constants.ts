// Numbers that an expression settles by itself, and how many things a call makes of them.
import type { Node } from "./nodes";

const NAMED: Record<string, number> = { E: Math.E, LN2: Math.LN2, LN10: Math.LN10, PI: Math.PI, MAX_VALUE: Number.MAX_VALUE, MIN_VALUE: Number.MIN_VALUE };
const OPERATORS: Record<string, (a: number, b: number) => number> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "<<": (a, b) => a << b,
};
const FUNCTIONS: Record<string, (...values: number[]) => number> = {
  abs: Math.abs, ceil: Math.ceil, exp: Math.exp, floor: Math.floor, log: Math.log, max: Math.max, min: Math.min, pow: Math.pow,
  round: Math.round, sqrt: Math.sqrt, toNumber: Number, time: Number, utc: Date.UTC, datetime: Date.UTC,
};
/** Milliseconds of the units that sequences of moments step in; the longer ones as short as they may be. */
export const UNITS: Record<string, number> = {
  milliseconds: 1, seconds: 1e3, minutes: 6e4, hours: 36e5, date: 864e5, day: 864e5, dayofyear: 864e5, week: 6048e5, month: 24192e5, quarter: 77760e5, year: 31536e6,
};

/** The number that a node stands for whatever the data; null when the data decides. */
export function foldNumber(node: Node | null | undefined): number | null {
  if (!node) return null;
  switch (node.type) {
    case "Literal":
      return typeof node.value === "number" ? node.value : null;
    case "Identifier":
      return NAMED[node.name] ?? null;
    case "UnaryExpression": {
      const value = foldNumber(node.argument);
      if (value === null) return null;
      return node.operator === "-" ? -value : node.operator === "+" ? value : null;
    }
    case "BinaryExpression": {
      const [left, right] = [foldNumber(node.left), foldNumber(node.right)];
      return left === null || right === null ? null : (OPERATORS[node.operator]?.(left, right) ?? null);
    }
    case "CallExpression": {
      const apply = node.callee.type === "Identifier" ? FUNCTIONS[node.callee.name] : undefined;
      const values = node.arguments.map(foldNumber);
      return apply && values.every((value) => value !== null) ? apply(...values) : null;
    }
    default:
      return null;
  }
}

/** How many things a call makes; null for a function that makes none, or when the data decides. */
export function countItems(name: string, given: Node[]): number | null {
  const values = given.map(foldNumber);
  if (name === "pad") return values[1] ?? null;
  if (name === "sequence") {
    const [start, stop, step = 1] = given.length < 2 ? [0, values[0]] : values;
    return countSteps(start, stop, step);
  }
  if (name === "timeSequence" || name === "utcSequence") {
    const [unit] = given;
    const length = unit?.type === "Literal" ? UNITS[String(unit.value)] : undefined;
    const [, start, stop, step = 1] = values;
    return length === undefined || step === null ? null : countSteps(start, stop, step * length);
  }
  return null;
}

function countSteps(start: number | null | undefined, stop: number | null | undefined, step: number | null): number | null {
  if (typeof start !== "number" || typeof stop !== "number" || step === null) return null;
  const count = Math.ceil((stop - start) / step);
  return Number.isNaN(count) ? null : Math.max(count, 0);
}
