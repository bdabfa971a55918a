// Patterns whose time may double with each character of what they are tried on. A file of its own: it knows all of Unicode.
import { RegExpParser, visitRegExpAST, type AST } from "@eslint-community/regexpp";
import { getFirstConsumedChar, isPotentiallyEmpty, type ReadonlyFlags } from "regexp-ast-analysis";
import { analyse } from "scslre";

type Quantifier = AST.Quantifier;

/** What is repeated less often cannot double often enough. */
const FEW = 8;

/** Why a pattern may take longer than anybody waits; empty when it does not, and for what is no pattern at all. */
function explainSlow(source: string, flags: string): string {
  try {
    const quantifiers = listQuantifiers(source, flags);
    const { reports } = analyse({ source: loosen(source, quantifiers), flags }, { reportTypes: { Move: false } });
    const worst = reports.find(({ exponential }) => exponential);
    if (worst) return `each further ${JSON.stringify(worst.character.pick)} may double the time it takes`;
    const reading = makeFlags(flags);
    const alike = quantifiers.find((one) => one.max > FEW && beginsAlike(one, reading));
    if (alike) return `${alike.raw} repeats alternatives that begin alike`;
    const empty = quantifiers.find((one) => one.min > FEW && one.element.type.endsWith("Group") && isPotentiallyEmpty(one.element, reading));
    return empty ? `${empty.raw} repeats what may be empty` : "";
  } catch {
    return "";
  }
}

function listQuantifiers(source: string, flags: string): Quantifier[] {
  const found: Quantifier[] = [];
  const pattern = new RegExpParser().parsePattern(source, 0, source.length, flags.includes("u"));
  visitRegExpAST(pattern, { onQuantifierEnter: (one) => void found.push(one) });
  return found;
}

/** The pattern in which what is repeated often is repeated without an end: the analysis looks at nothing else. */
function loosen(source: string, quantifiers: Quantifier[]): string {
  let loose = source || "(?:)";
  for (const { min, max, element, end } of [...quantifiers].sort((a, b) => b.element.end - a.element.end)) {
    if (max > FEW && max < Infinity) loose = `${loose.slice(0, element.end)}${min ? "+" : "*"}${loose.slice(end)}`;
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
