// The JSON Schema of dashboard files, walked along a path of keys.

export interface Schema {
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  examples?: unknown[];
  default?: unknown;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
}

/** Every schema that may hold at `path`; several where the format leaves a choice. */
export function findSchemas(root: Schema, path: string[]): Schema[] {
  let here = expand(root, root);
  for (const part of path) here = here.flatMap((one) => step(root, one, part));
  return here;
}

/** The keys that may stand at `path`, with what is said of each. */
export function listKeys(root: Schema, path: string[]): Map<string, Schema> {
  const found = new Map<string, Schema>();
  for (const schema of findSchemas(root, path)) {
    for (const [name, one] of Object.entries(schema.properties ?? {})) if (!found.has(name)) found.set(name, one);
  }
  return found;
}

/** The values that may be written at `path`: all of them for an enumeration, otherwise examples. */
export function listValues(root: Schema, path: string[]): unknown[] {
  const values = findSchemas(root, path).flatMap((one) => {
    if (one.enum) return one.enum;
    if (one.const !== undefined) return [one.const];
    if (one.type === "boolean") return [true, false];
    return one.examples ?? [];
  });
  return [...new Set(values)].filter((value) => typeof value !== "object");
}

/** What the format says about the key at the end of `path`. */
export function describeKey(root: Schema, path: string[]): Schema | undefined {
  return listKeys(root, path.slice(0, -1)).get(path.at(-1) ?? "");
}

function step(root: Schema, schema: Schema, part: string): Schema[] {
  if (part === "[]") return schema.items ? expand(root, schema.items) : [];
  const named = schema.properties?.[part];
  if (named) return expand(root, named);
  const patterns = Object.entries(schema.patternProperties ?? {});
  return patterns.filter(([pattern]) => new RegExp(pattern).test(part)).flatMap(([, one]) => expand(root, one));
}

/** The schema itself, what holds beside it, what it refers to, and each of its alternatives; ours before Vega-Lite's. */
function expand(root: Schema, schema: Schema, behind: readonly string[] = []): Schema[] {
  const target = schema.$ref && !behind.includes(schema.$ref) ? resolve(root, schema.$ref) : undefined;
  const passed = schema.$ref ? [...behind, schema.$ref] : behind;
  const parts = [...(schema.allOf ?? []), ...(target ? [target] : []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [schema, ...parts.flatMap((one) => expand(root, one, passed))];
}

/** What a JSON Pointer of this schema leads to, `#/$defs/Budget`. */
function resolve(root: Schema, pointer: string): Schema | undefined {
  let here: unknown = root;
  for (const part of pointer.split("/").slice(1)) {
    here = (here as Record<string, unknown> | undefined)?.[part.replace(/~1/g, "/").replace(/~0/g, "~")];
  }
  return here as Schema | undefined;
}
