// Parts of columns: the member of a STRUCT, the element of an ARRAY, the bound of a RANGE; their types and their values.
import type { Cell } from "../payload";

/** The type at `path` inside a value of `type`; null when there is no such part. */
export function findPartType(type: string, path: string[]): string | null {
  const [next, ...rest] = path;
  if (next === undefined) return type;
  const element = readElementType(type);
  if (element) return /^\d+$/.test(next) ? findPartType(element, rest) : null;
  const bound = readBoundType(type);
  if (bound !== null) return next === "start" || next === "end" ? findPartType(bound, rest) : null;
  const member = listMembers(type).find(([name]) => name === next);
  return member ? findPartType(member[1], rest) : null;
}

/** The type of an ARRAY's elements; "" for what is no ARRAY. */
export function readElementType(type: string): string {
  return /^ARRAY<(.*)>$/s.exec(type)?.[1] ?? "";
}

/** The type of a RANGE's ends; null for what is no RANGE. */
export function readBoundType(type: string): string | null {
  return /^RANGE<(.*)>$/.exec(type)?.[1] ?? null;
}

/** The members of a STRUCT, each with its type; none for what is no STRUCT. */
export function listMembers(type: string): [string, string][] {
  const members = /^STRUCT<(.*)>$/s.exec(type)?.[1];
  return members === undefined ? [] : splitMembers(members);
}

/** True for a type with a TIMESTAMP in it. */
export function holdsMoments(type: string): boolean {
  return /\bTIMESTAMP\b/.test(type);
}

/** What lies at `path` inside a value; null where there is nothing. */
export function readPart(value: Cell, path: string[]): Cell {
  let found: Cell | undefined = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null) return null;
    found = (found as { [key: string]: Cell })[name];
  }
  return found ?? null;
}

/** The steps of `a.b`, `a[0]`, `a['b']` and `a\.b`, as Vega-Lite reads them. */
export function splitPath(field: string): string[] {
  const steps = field.matchAll(/\[(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"|([^\]]*))\]|((?:\\.|[^.[\\])+)/gs);
  return [...steps].map(([, single, double, index, plain]) => (single ?? double ?? index ?? plain ?? "").replace(/\\(.)/gs, "$1"));
}

/** A column's name as a field of Vega-Lite names it. */
export function escapeName(name: string): string {
  return name.replace(/[.[\]\\]/g, "\\$&");
}

function splitMembers(members: string): [string, string][] {
  const parts: [string, string][] = [];
  let depth = 0;
  let start = 0;
  let space = -1;
  for (let at = 0; at <= members.length; at += 1) {
    const character = members[at] ?? ",";
    if (character === "<") depth += 1;
    else if (character === ">") depth -= 1;
    else if (depth === 0 && character === " ") space = at;
    else if (depth === 0 && character === ",") {
      parts.push([members.slice(start, space), members.slice(space + 1, at)]);
      start = at + 2;
    }
  }
  return parts;
}
