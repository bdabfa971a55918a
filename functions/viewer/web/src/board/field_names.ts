// Vega and Vega-Lite keep fields in plain objects, which have members of their own: a column called `constructor`
// would be one of those. It gets a character that nobody sees.
const UNSEEN = "\u200b";

export function disguise(name: string): string {
  return name in Object.prototype ? name + UNSEEN : name;
}

/** A part of a spec with every such name in it disguised. */
export function disguiseAll<T>(part: T): T {
  if (typeof part === "string") return disguise(part) as T;
  if (Array.isArray(part)) return part.map(disguiseAll) as T;
  if (typeof part !== "object" || part === null) return part;
  return Object.fromEntries(Object.entries(part).map(([key, value]) => [key, disguiseAll(value as unknown)])) as T;
}
