// Running a compiled chart, be it on the page or in a worker that tries it first.
import { expressionFunction, type Loader, type Spec, type View } from "vega";
import { boundFunctions } from "./vega_bounds";
import { replaceClock } from "./vega_clock";
import { registerFormats } from "./vega_formats";

export const DATA_NAME = "query";

const refuse = () => Promise.reject(new Error("loading is off"));

/** Data comes from the payload alone: a spec that names an address gets nothing, wherever it runs. */
export const REFUSING_LOADER = { load: refuse, sanitize: refuse, http: refuse, file: refuse } as unknown as Loader;

/** Give Vega's expressions the clock, the bounds and the formats of these pages. */
export function equipVega(): void {
  replaceClock();
  boundFunctions();
  registerFormats();
  // What the console says of a row is said again for each of them.
  for (const name of ["debug", "info", "warn"]) expressionFunction(name, (...values: unknown[]) => values.at(-1));
}

/** Put the rows of the query where the spec expects them. */
export function fillData(spec: Spec, rows: object[]): void {
  const source = spec.data?.find((data) => data.name === DATA_NAME);
  if (source) Object.assign(source, { values: rows });
}

/** Run a view to its end. Throws what stops it: Vega tells of that instead of throwing it, and leaves the drawing blank. */
export async function runView(view: View): Promise<void> {
  let failure: unknown = null;
  const log = view.logger();
  log.error = (reason: unknown) => {
    failure ??= reason;
    return log;
  };
  await view.runAsync();
  if (!failure) return;
  view.finalize();
  throw failure instanceof Error ? failure : new Error(String(failure));
}
