// The controls of a dashboard's parameters; the address is where their values live.
import type { ParameterDefinition } from "../detail";
import { h } from "../dom";
import type { Cell } from "../payload";

type OnChange = (name: string, values: string[]) => void;

/** In the address, beside the parameters: no parameter's name begins so. */
const ZONE = "_zone";
const EMPTY_LIST = "~empty";
const RANGE = /^((?:.*_)?)(from|start)((?:_.*)?)$/;
const ORDERED = ["DATE", "DATETIME", "TIMESTAMP"];

export function readParameters(): URLSearchParams {
  const query = new URLSearchParams(location.search);
  query.delete(ZONE);
  return query;
}

/** The zone that the reader has chosen, if any. */
export function readChosenZone(): string | null {
  return new URLSearchParams(location.search).get(ZONE);
}

/** The address with another zone; null is the dashboard's own. */
export function writeChosenZone(zone: string | null): string {
  const query = new URLSearchParams(location.search);
  query.delete(ZONE);
  if (zone !== null) query.set(ZONE, zone);
  return writeAddress(query);
}

function writeAddress(query: URLSearchParams): string {
  const text = query.toString();
  return text ? `${location.pathname}?${text}` : location.pathname;
}

/** The address with one parameter set; a default is left out, so that one view has one address. */
export function writeParameters(name: string, values: string[], definitions: ParameterDefinition[]): string {
  const query = new URLSearchParams(location.search);
  query.delete(name);
  const definition = definitions.find((one) => one.name === name);
  if (!definition || !same(values, toTexts(definition.default))) escapeTexts(values).forEach((text) => query.append(name, text));
  return writeAddress(query);
}

/** As an address says it: a list without values by a word, and a value that begins as a word does with its sign doubled. */
function escapeTexts(values: string[]): string[] {
  return values.length ? values.map((value) => (value.startsWith("~") ? `~${value}` : value)) : [EMPTY_LIST];
}

function readTexts(texts: string[]): string[] {
  if (texts.length === 1 && texts[0] === EMPTY_LIST) return [];
  return texts.map((text) => (text.startsWith("~~") ? text.slice(1) : text));
}

/** Why these values of the address find nothing: a beginning that lies after its end. The service says the same. */
export function findDisorder(address: string, definitions: ParameterDefinition[]): string | null {
  const query = new URL(address, location.href).searchParams;
  const read = (definition: ParameterDefinition) => query.get(definition.name) ?? String(definition.default);
  for (const first of definitions) {
    const [, before = "", word, after = ""] = RANGE.exec(first.name) ?? [];
    const last = definitions.find(({ name, type }) => name === `${before}${word === "from" ? "to" : "end"}${after}` && type === first.type);
    if (!word || !last || !ORDERED.includes(first.type)) continue;
    if (Date.parse(read(first)) > Date.parse(read(last))) return `${label(first)} is ${read(first)}, after ${label(last)}, which is ${read(last)}: nothing was asked.`;
  }
  return null;
}

/**
 * The address's parameters, by name, when one has a value that is not listed: nobody computes such a variant ahead.
 * The service reads the texts as it reads an address.
 */
export function findUnlisted(definitions: ParameterDefinition[]): Record<string, string | string[]> | null {
  const query = readParameters();
  const given = definitions.filter((one) => query.has(one.name));
  const unlisted = given.filter((one) => one.allow_other && !listChoices(one).some((texts) => same(texts, readTexts(query.getAll(one.name)))));
  if (!unlisted.length) return null;
  return Object.fromEntries(given.map((one) => [one.name, isArray(one) ? query.getAll(one.name) : (query.get(one.name) ?? "")]));
}

export function drawControls(definitions: ParameterDefinition[], query: URLSearchParams, onChange: OnChange): HTMLElement[] {
  return definitions.map((definition) => {
    const chosen = query.has(definition.name) ? readTexts(query.getAll(definition.name)) : toTexts(definition.default);
    const control = definition.allow_other
      ? drawField(definition, chosen, onChange)
      : drawSelect(definition, chosen, onChange);
    return h("label", { class: "control" }, h("span", {}, label(definition)), control);
  });
}

function drawSelect(definition: ParameterDefinition, chosen: string[], onChange: OnChange): HTMLElement {
  const choices = listChoices(definition);
  const options = choices.map((texts, index) =>
    h("option", { value: index, selected: same(texts, chosen) }, showTexts(definition, texts)),
  );
  const select = h(
    "select",
    { name: definition.name, onchange: () => onChange(definition.name, choices[Number(select.value)] ?? []) },
    ...options,
  );
  return select;
}

/** A field for parameters that take any value; the listed ones are offered. */
function drawField(definition: ParameterDefinition, chosen: string[], onChange: OnChange): HTMLElement {
  const list = `values-${definition.name}`;
  const input = h("input", {
    name: definition.name,
    list,
    value: isArray(definition) ? chosen.map(quote).join(", ") : (chosen[0] ?? ""),
    onchange: () => onChange(definition.name, isArray(definition) ? splitTyped(input.value) : [trim(definition, input.value)]),
  });
  const options = listChoices(definition).map((texts) => h("option", { value: isArray(definition) ? texts.map(quote).join(", ") : (texts[0] ?? "") }));
  return h("span", {}, input, h("datalist", { id: list }, ...options));
}

/** The default first, then the listed values, each once. */
function listChoices(definition: ParameterDefinition): string[][] {
  const all = [definition.default, ...(definition.values ?? [])].map(toTexts);
  return all.filter((texts, index) => all.findIndex((other) => same(other, texts)) === index);
}

function label(definition: ParameterDefinition): string {
  return definition.description || definition.name;
}

/** A listed value as it is: what cannot be seen, or told from something else, in quotes. */
function showTexts(definition: ParameterDefinition, texts: string[]): string {
  if (!isArray(definition)) return quoteBlank(texts[0] ?? "");
  return texts.map(quote).join(", ") || "[]";
}

function quoteBlank(text: string): string {
  return text === text.trim() && text ? text : JSON.stringify(text);
}

function quote(text: string): string {
  return /[,"]/.test(text) ? JSON.stringify(text) : quoteBlank(text);
}

/** The values of a list as people type them: with spaces after commas; what is in quotes stays as it is. */
function splitTyped(text: string): string[] {
  const items = [...text.matchAll(/\s*("(?:\\.|[^"\\])*"|[^,]*)\s*(?:,|$)/g)].map(([, item = ""]) => item.trim());
  return items.filter((item) => item !== "").map(unquote);
}

function unquote(item: string): string {
  try {
    return item.startsWith('"') ? String(JSON.parse(item)) : item;
  } catch {
    return item; // a quotation mark of its own
  }
}

/** Spaces around a number or a day mean nothing; around a text they may. */
function trim({ type }: ParameterDefinition, text: string): string {
  return type === "STRING" ? text : text.trim();
}

function isArray(definition: ParameterDefinition): boolean {
  return definition.type.startsWith("ARRAY");
}

function toTexts(value: Cell): string[] {
  return (Array.isArray(value) ? value : [value]).map((one) => String(one));
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}
