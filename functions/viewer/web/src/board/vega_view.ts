// Vega-Lite specs on the page. Expressions are interpreted, not compiled: no eval, so a strict policy holds.
import { Error as ErrorLevel, logger, parse, View, type Item, type Loader, type Spec } from "vega";
import { compile, type Config, type TopLevelSpec } from "vega-lite";
import { expressionInterpreter } from "vega-interpreter";
import { hasSteps, isFaceted } from "./chart_height";
import type { Chart, QueryData } from "../payload";
import { describeChart } from "./chart_words";
import { BELOW, moveLegends } from "./legends";
import { answerForNearest, isLine } from "./nearest_point";
import { toPng, toSvg, type Caption } from "./picture";
import { buildRows, type Row } from "./rows";
import { prepareSpec, type PreparedSpec } from "./spec_fields";
import { arrange, fitPanels } from "./small_multiples";
import { showTooltip } from "./tooltip";
import { boundSpec } from "./vega_bounds";
import { LOCALE, useUtc } from "./vega_clock";
import { isCheap } from "./vega_cost";
import { makeTitles, refineFormats } from "./vega_formats";
import { makeLink, openLinks } from "./vega_links";
import { DATA_NAME, equipVega, fillData, REFUSING_LOADER, runView } from "./vega_run";
import { buildConfig } from "./vega_theme";
import { tryFirst } from "./vega_trial";

export interface Drawing {
  /** No mark of it can be seen. */
  isEmpty: boolean;
  /** Values that are no finite number, and so have no place on it. */
  gaps: number;
  /** Grow to the height of the cell, where the drawing is one that does. */
  fill(): Promise<void>;
  toPng(caption: Caption): Promise<string>;
  toSvg(caption: Caption): Promise<string>;
  finish(): void;
}

const NARROW = 460;
const HEIGHTS: [number, number] = [260, 480];
const MOST_HEIGHT = 720;
/** Of the drawing itself, without axes and legends. */
const LEAST_HEIGHT = 150;
const STEPS: [number, number] = [20, 34];
const AXIS_HEIGHT = 60;
const MOST_SVG_ROWS = 3000;
const PICTURE = /^data:image\//i;

// A picture may be in the data, and a mark may lead somewhere when it is clicked.
const LOADER = {
  ...REFUSING_LOADER,
  sanitize: (uri: string, { context }: { context?: string }) => {
    const allowed = context === "href" ? makeLink(uri) : PICTURE.test(uri) ? { href: uri } : null;
    return allowed ? Promise.resolve(allowed) : Promise.reject(new Error(`${context ?? "address"} is off`));
  },
} as unknown as Loader;

equipVega();

/** Draw `chart` into `parent`. Throws what Vega-Lite says of a spec it cannot compile, or what Vega meets on its way. */
export async function drawVega(parent: HTMLElement, chart: Chart, data: QueryData, dark: boolean): Promise<Drawing> {
  const prepared = prepareSpec(chart.spec, data);
  const { rows, gaps } = buildRows(prepared.columns, data.rows, prepared.used);
  parent.replaceChildren();
  const width = parent.clientWidth;
  const spec = buildSpec({ ...chart, spec: prepared.spec as Chart["spec"] }, rows, [width, findHeight(parent)], describeChart(chart, data));
  const place = width < NARROW ? BELOW : {};
  const config = buildConfig(dark, place);
  if (!isCheap(prepared.spec, rows)) await tryFirst(chart, { spec, config, rows });
  const draw = (config: Config) => drawOnce(parent, spec, config, prepared, rows);
  let view = await draw(config);
  const moved = moveLegends(view, place, width);
  if (moved) {
    view.finalize();
    view = await draw(buildConfig(dark, moved));
  }
  const grows = !hasSteps(chart) && !isFaceted(spec) && !("height" in chart.spec);
  if (grows) await leaveRoom(view, Number(spec.height));
  tell(parent, String(spec.description));
  openLinks(parent);
  answerForNearest(view, parent);
  return {
    gaps,
    isEmpty: !hasVisible((view.scenegraph() as unknown as { root: Scene }).root),
    fill: async () => (grows ? fillCell(view, parent) : undefined),
    toPng: (caption) => toPng(view, caption),
    toSvg: (caption) => toSvg(view, caption),
    finish: () => void view.finalize(),
  };
}

async function drawOnce(parent: HTMLElement, spec: DrawnSpec, config: Config, prepared: PreparedSpec, rows: Row[]): Promise<View> {
  parent.replaceChildren();
  const written = compile(spec, { config, fieldTitle: makeTitles(prepared.titles), logger: logger(ErrorLevel) }).spec as Spec;
  const compiled = refineFormats(useUtc(boundSpec(written)), prepared);
  fillData(compiled, rows);
  const view = new View(parse(compiled, undefined, { ast: true }), {
    container: parent,
    renderer: rows.length > MOST_SVG_ROWS ? "canvas" : "svg",
    hover: true,
    loader: LOADER,
    expr: expressionInterpreter,
    tooltip: (_handler: unknown, event: MouseEvent, item: Item, value: unknown) => {
      if (!isLine(item)) showTooltip(event, value);
    },
  } as ConstructorParameters<typeof View>[1]);
  view.locale(LOCALE);
  await runView(view);
  if (isFaceted(spec)) await fitPanels(view, compiled, parent.clientWidth, () => parent.querySelector("svg, canvas")?.getBoundingClientRect().width ?? 0);
  return view;
}

/** What legends and axes take must not leave a strip of the drawing: it grows by what it lacks. */
async function leaveRoom(view: View, height: number): Promise<void> {
  let outer = height;
  // No drawing is lower than nothing: what a legend takes beyond the whole shows only in the next step.
  for (let step = 0; step < 3 && view.height() < LEAST_HEIGHT; step++) {
    outer += LEAST_HEIGHT - view.height();
    await view.height(outer).runAsync();
  }
}

/** As high as the cell has become beside its neighbours. */
async function fillCell(view: View, parent: HTMLElement): Promise<void> {
  const drawn = parent.querySelector("svg, canvas")?.getBoundingClientRect().height ?? 0;
  const room = Math.min(parent.clientHeight - 2, MOST_HEIGHT);
  if (drawn && room - drawn > 1) await view.height(room).runAsync();
}

/** Vega says the words of the element around the drawing, which says here by which key its rows are seen. */
function tell(parent: HTMLElement, words: string): void {
  const drawing = parent.querySelector("svg, canvas");
  drawing?.setAttribute("role", "graphics-document");
  drawing?.setAttribute("aria-label", words);
}

interface Scene {
  marktype?: string;
  role?: string;
  items?: Scene[];
  url?: unknown;
  bounds?: { empty(): boolean };
}

/** Whether some mark of the data, axes and legends apart, has a place on the drawing. */
function hasVisible(scene: Scene, mark?: Scene): boolean {
  if (scene.marktype) return (scene.items ?? []).some((item) => hasVisible(item, scene));
  if (mark?.marktype === "group") return (scene.items ?? []).some((child) => isData(child) && hasVisible(child));
  if (mark?.marktype === "image") return PICTURE.test(String(scene.url));
  return mark !== undefined && scene.bounds?.empty() === false;
}

function isData({ role }: Scene): boolean {
  return role === undefined || role === "mark" || role === "scope";
}

/** As high as the cell already is: a row is as high as its highest neighbour. */
function findHeight(parent: HTMLElement): number {
  return Math.min(Math.max(parent.clientHeight - 2, HEIGHTS[0]), HEIGHTS[1]);
}

/** Pixels per value of y: as many as fit, within what reads well. */
function findStep(chart: Chart, rows: Row[], height: number): number {
  const { encoding } = chart.spec as { encoding?: { y?: { field?: string } } };
  const field = encoding?.y?.field;
  const count = field ? new Set(rows.map((row) => row[field])).size : 1;
  return Math.min(Math.max(Math.floor((height - AXIS_HEIGHT) / Math.max(count, 1)), STEPS[0]), STEPS[1]);
}

type DrawnSpec = TopLevelSpec & { height: unknown; description: string };

function buildSpec(chart: Chart, rows: Row[], [width, height]: [number, number], words: string): DrawnSpec {
  const spec = chart.spec as Record<string, unknown>;
  const arranged = arrange(spec, rows, width);
  const stepped = hasSteps(chart);
  return {
    ...spec,
    data: { name: DATA_NAME, format: { parse: null } },
    description: [chart.title, chart.description, words].filter(Boolean).join(". "),
    ...(arranged ?? { width: "container", autosize: { type: stepped ? "fit-x" : "fit", contains: "padding" } }),
    height: spec.height ?? (stepped ? { step: findStep(chart, rows, height) } : (arranged?.height ?? height)),
  } as unknown as DrawnSpec;
}
