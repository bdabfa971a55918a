// Completion and hover from the JSON Schema, and from the names that the dashboard itself has.
import { autocompletion, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import type { Extension } from "@codemirror/state";
import { hoverTooltip, type EditorView, type Tooltip } from "@codemirror/view";
import { h } from "../dom";
import { describeKey, listKeys, listValues, type Schema } from "./schema_walk";
import { findPlace, type Place } from "./yaml_place";

/** Names to offer as values of `query`, `chart` and `field`. */
export type Names = Record<"query" | "chart" | "field", string[]>;

export function makeSchemaHints(schema: Promise<Schema>, readNames: () => Names): Extension {
  const complete = async (context: CompletionContext) => {
    const place = findPlace(context.state.sliceDoc(0, context.pos));
    if (!place || (!context.explicit && !place.word && place.key === null)) return null;
    return offer(place, context, await schema, readNames());
  };
  return [autocompletion({ override: [complete], icons: false }), hoverTooltip((view, position) => describe(view, position, schema))];
}

function offer(place: Place, context: CompletionContext, schema: Schema, names: Names): CompletionResult | null {
  const options = place.key === null ? offerKeys(place, schema) : offerValues(place, place.key, schema, names);
  return options.length ? { from: context.pos - place.word.length, options, validFor: /^[\w$"',.%-]*$/ } : null;
}

function offerKeys(place: Place, schema: Schema): Completion[] {
  return [...listKeys(schema, place.path)].map(([label, one]) => ({
    label,
    apply: `${label}: `,
    detail: describeType(one),
    info: one.description,
  }));
}

function offerValues({ path }: Place, key: string, schema: Schema, names: Names): Completion[] {
  const known = key in names ? names[key as keyof Names] : [];
  if (known.length) return known.map((label) => ({ label }));
  return listValues(schema, [...path, key]).map((value) => ({ label: String(value) }));
}

async function describe(view: EditorView, position: number, schema: Promise<Schema>): Promise<Tooltip | null> {
  const word = view.state.wordAt(position);
  if (!word || !/^["']?\s*:/.test(view.state.sliceDoc(word.to, word.to + 8))) return null;
  const place = findPlace(view.state.sliceDoc(0, word.to));
  const found = place?.key === null && describeKey(await schema, [...place.path, place.word.replace(/^["']/, "")]);
  if (!found || !found.description) return null;
  const { description } = found;
  const example = found.examples?.map((one) => JSON.stringify(one)).join("  ");
  const dom = h("div", { class: "hint" }, h("p", {}, description), example && h("code", {}, example));
  return { pos: word.from, end: word.to, create: () => ({ dom }) };
}

function describeType({ type, const: constant, $ref }: Schema): string | undefined {
  if (constant !== undefined) return String(constant);
  if ($ref) return $ref.split("/").at(-1);
  return Array.isArray(type) ? type.join(" or ") : type;
}
