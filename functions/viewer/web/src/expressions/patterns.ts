// Patterns whose time grows with what they are tried on faster than anybody waits. A file of its own: it knows all of Unicode.
import { RegExpParser, visitRegExpAST, type AST } from "@eslint-community/regexpp";
import { getFirstConsumedChar, isPotentiallyEmpty, type ReadonlyFlags } from "regexp-ast-analysis";
import { analyse } from "scslre";

type Quantifier = AST.Quantifier;

/** What is repeated less often cannot double often enough by itself. */
const FEW = 8;
/** Ways to read a text that are tried before anybody notices. */
const MANY_WAYS = 1e6;
/** A time that grows with the square of a text is short for what is in a cell, with the cube it is not. */
const CUBE = 3;

/** Why a pattern may take longer than anybody waits; empty when it does not, and for what is no pattern at all. */
function explainSlow(source: string, flags: string): string {
  try {
    const quantifiers = listQuantifiers(source, flags);
    const few = countWays(quantifiers) > MANY_WAYS ? 1 : FEW;
    const { reports } = analyse({ source: loosen(source, quantifiers, few), flags }, { reportTypes: { Move: false } });
    const worst = reports.find(({ exponential }) => exponential);
    if (worst) return `each further ${JSON.stringify(worst.character.pick)} may double the time it takes`;
    const shared = reports.flatMap((one) => (one.type === "Trade" ? [one] : []));
    if (shared[0] && findPower(source, shared) >= CUBE) {
      return `${JSON.stringify(shared[0].character.pick)} may belong to more than one of its repetitions`;
    }
    const reading = makeFlags(flags);
    const alike = quantifiers.find((one) => one.max > few && beginsAlike(one, reading));
    if (alike) return `${alike.raw} repeats alternatives that begin alike`;
    const empty = quantifiers.find((one) => one.min > few && one.element.type.endsWith("Group") && isPotentiallyEmpty(one.element, reading));
    return empty ? `${empty.raw} repeats what may be empty` : "";
  } catch {
    return "";
  }
}

/**
 * With which power of a text's length the time grows: each repetition may end anywhere, but for one that has to reach the
 * end, and without a `^` all begins anywhere.
 */
function findPower(source: string, shared: { startQuant: Quantifier; endQuant: Quantifier }[]): number {
  const sharing = new Set(shared.flatMap(({ startQuant, endQuant }) => [startQuant.start, endQuant.start]));
  return sharing.size - Number(source.endsWith("$")) + Number(!source.startsWith("^"));
}

/** In how many ways the repetitions may share a text out if all of them took the same; without an end counts as long. */
function countWays(quantifiers: Quantifier[]): number {
  return quantifiers.reduce((ways, one) => {
    const times = quantifiers.reduce((all, other) => (isWithin(one, other) ? all * Math.min(other.max, 1e3) : all), 1);
    return ways * Math.min(one.max - one.min + 1, 1e3) ** times;
  }, 1);
}

function isWithin(one: Quantifier, other: Quantifier): boolean {
  return one !== other && other.start <= one.start && one.end <= other.element.end;
}

function listQuantifiers(source: string, flags: string): Quantifier[] {
  const found: Quantifier[] = [];
  const pattern = new RegExpParser().parsePattern(source, 0, source.length, flags.includes("u"));
  visitRegExpAST(pattern, { onQuantifierEnter: (one) => void found.push(one) });
  return found;
}

/** The pattern in which what is repeated more than a few times is so without an end: the analysis looks at nothing else. */
function loosen(source: string, quantifiers: Quantifier[], few: number): string {
  let loose = source || "(?:)";
  for (const { min, max, element, end } of [...quantifiers].sort((a, b) => b.element.end - a.element.end)) {
    if (max > few && max < Infinity) loose = `${loose.slice(0, element.end)}${min ? "+" : "*"}${loose.slice(end)}`;
  }
  return loose;
}

/** Whether more than one alternative of a repeated group takes the same character. */
function beginsAlike({ element }: Quantifier, flags: ReadonlyFlags): boolean {
  if (!("alternatives" in element)) return false;
  const firsts = element.alternatives.map((one) => getFirstConsumedChar(one, "ltr", flags).char);
  return firsts.some((one, index) => firsts.slice(index + 1).some((other) => !one.isDisjointWith(other)));
}

function makeFlags(flags: string): ReadonlyFlags {
  return { ignoreCase: flags.includes("i"), multiline: flags.includes("m"), dotAll: flags.includes("s"), unicode: flags.includes("u") };
}

Object.assign(globalThis, { explainSlow: (source: string, flags: string) => JSON.stringify(explainSlow(source, flags)) });
