// The controls of a dashboard's parameters; the address is where their values live.
import type { ParameterDefinition } from "../detail";
import { h } from "../dom";
import type { Cell } from "../payload";

type OnChange = (name: string, values: string[]) => void;

export function readParameters(): URLSearchParams {
  return new URLSearchParams(location.search);
}

/** The address with one parameter set; a default is left out, so that one view has one address. */
export function writeParameters(name: string, values: string[], definitions: ParameterDefinition[]): string {
  const query = readParameters();
  query.delete(name);
  const definition = definitions.find((one) => one.name === name);
  if (!definition || !same(values, toTexts(definition.default))) values.forEach((value) => query.append(name, value));
  const text = query.toString();
  return text ? `${location.pathname}?${text}` : location.pathname;
}

/**
 * The address's parameters, by name, when one has a value that is not listed: nobody computes such a variant ahead.
 * The service reads the texts as it reads an address.
 */
export function findUnlisted(definitions: ParameterDefinition[]): Record<string, string | string[]> | null {
  const query = readParameters();
  const given = definitions.filter((one) => query.has(one.name));
  const unlisted = given.filter((one) => one.allow_other && !listChoices(one).some((texts) => same(texts, query.getAll(one.name))));
  if (!unlisted.length) return null;
  return Object.fromEntries(given.map((one) => [one.name, isArray(one) ? query.getAll(one.name) : (query.get(one.name) ?? "")]));
}

export function drawControls(definitions: ParameterDefinition[], query: URLSearchParams, onChange: OnChange): HTMLElement[] {
  return definitions.map((definition) => {
    const chosen = query.has(definition.name) ? query.getAll(definition.name) : toTexts(definition.default);
    const control = definition.allow_other
      ? drawField(definition, chosen, onChange)
      : drawSelect(definition, chosen, onChange);
    return h("label", { class: "control" }, h("span", {}, definition.description || definition.name), control);
  });
}

function drawSelect(definition: ParameterDefinition, chosen: string[], onChange: OnChange): HTMLElement {
  const choices = listChoices(definition);
  const options = choices.map((texts, index) =>
    h("option", { value: index, selected: same(texts, chosen) }, texts.join(", ") || "none"),
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
    value: chosen.join(","),
    onchange: () => onChange(definition.name, isArray(definition) ? input.value.split(",") : [input.value]),
  });
  const options = listChoices(definition).map((texts) => h("option", { value: texts.join(",") }));
  return h("span", {}, input, h("datalist", { id: list }, ...options));
}

/** The default first, then the listed values, each once. */
function listChoices(definition: ParameterDefinition): string[][] {
  const all = [definition.default, ...(definition.values ?? [])].map(toTexts);
  return all.filter((texts, index) => all.findIndex((other) => same(other, texts)) === index);
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
