// A chart is tried here before the page draws it: where it comes to no end, only this worker stands still.
import { Error as ErrorLevel, logger, parse, View, type Spec } from "vega";
import { compile } from "vega-lite";
import { expressionInterpreter } from "vega-interpreter";
import type { Trial, Verdict } from "./trial_message";
import { boundSpec } from "./vega_bounds";
import { LOCALE, useUtc } from "./vega_clock";
import { equipVega, fillData, REFUSING_LOADER, runView } from "./vega_run";

interface Scene {
  items?: Scene[];
}

equipVega();
self.onmessage = ({ data }: MessageEvent<Trial>) => void run(data).then((verdict) => self.postMessage(verdict));
self.postMessage({ ready: true } satisfies Verdict);

async function run({ spec, config, rows }: Trial): Promise<Verdict> {
  try {
    const compiled = useUtc(boundSpec(compile(spec, { config, logger: logger(ErrorLevel) }).spec as Spec));
    fillData(compiled, rows);
    const view = new View(parse(compiled, undefined, { ast: true }), { renderer: "none", loader: REFUSING_LOADER, expr: expressionInterpreter } as ConstructorParameters<typeof View>[1]);
    view.locale(LOCALE);
    await runView(view);
    const marks = countItems((view.scenegraph() as unknown as { root: Scene }).root);
    view.finalize();
    return { marks };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

function countItems(scene: Scene): number {
  return (scene.items ?? []).reduce((count, item) => count + countItems(item), 1);
}
