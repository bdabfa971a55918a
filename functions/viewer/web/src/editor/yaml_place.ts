// Where in a dashboard the cursor stands, from indentation: half-written YAML has no tree to ask.

export interface Place {
  /** Keys from the root; "[]" stands for an item of a list. */
  path: string[];
  /** The key whose value is being written; null where a key is. */
  key: string | null;
  /** What is written of the key or value so far. */
  word: string;
}

interface Open {
  list: boolean;
  key: string | null;
}

const LINE = /^(\s*)((?:- +)*)(?:(["']?)([\w-]+)\3\s*:(?:\s+|$))?(.*)$/;
const BLOCK_TEXT = /[|>][+-]?\d?\s*(#.*)?$/;

/** The place at the end of `before`, all text up to the cursor; null inside SQL and other free text. */
export function findPlace(before: string): Place | null {
  const lines = before.split("\n");
  const line = lines.pop() ?? "";
  const parts = LINE.exec(line);
  if (!parts || isComment(line)) return null;
  const [, space = "", dashes = "", , name, rest = ""] = parts;
  const base = climb(lines, space.length, dashes);
  if (!base) return null;
  const path = [...base, ...(name === undefined ? [] : [name])];
  if (/[{[]/.test(rest)) return findInFlow(path, rest);
  if (name === undefined) return { path, key: null, word: rest.trim() };
  return { path: base, key: name, word: rest };
}

/** The keys above a line that begins at `column`, or null when one of them holds block text. */
function climb(above: string[], column: number, dashes: string): string[] | null {
  const path = dashes.split("-").slice(1).map(() => "[]");
  let keysBefore = dashes ? column + 1 : column;
  let dashesBefore = column;
  for (let index = above.length - 1; index >= 0 && keysBefore > 0; index -= 1) {
    const line = above[index] ?? "";
    const parts = LINE.exec(line);
    if (!parts || !line.trim() || isComment(line)) continue;
    const [, space = "", own = "", , name, rest = ""] = parts;
    const keyColumn = space.length + own.length;
    if (name !== undefined && keyColumn < keysBefore) {
      if (BLOCK_TEXT.test(rest)) return null;
      path.unshift(name);
      keysBefore = dashesBefore = keyColumn;
    }
    if (own && space.length < dashesBefore && keyColumn <= keysBefore) {
      path.unshift("[]");
      keysBefore = space.length + 1;
      dashesBefore = space.length;
    }
  }
  return path;
}

/** Inside `{…}` and `[…]` that begin on the line. */
function findInFlow(path: string[], text: string): Place | null {
  const open: Open[] = [];
  let word = "";
  let quote = "";
  for (const sign of text) {
    const inside = open.at(-1);
    if (quote) {
      if (sign === quote) quote = "";
      else word += sign;
    } else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === "{" || sign === "[") {
      open.push({ list: sign === "[", key: null });
      word = "";
    } else if (sign === "}" || sign === "]") {
      open.pop();
      word = "";
    } else if (sign === "," && inside) {
      inside.key = null;
      word = "";
    } else if (sign === ":" && inside && !inside.list) {
      inside.key = word.trim();
      word = "";
    } else word += sign;
  }
  const last = open.at(-1);
  if (!last) return null;
  const inner = open.slice(0, -1).map((one) => (one.list ? "[]" : (one.key ?? "")));
  const full = [...path, ...inner, ...(last.list ? ["[]"] : [])];
  return { path: full, key: last.key, word: word.trimStart() };
}

function isComment(line: string): boolean {
  return line.trimStart().startsWith("#");
}
