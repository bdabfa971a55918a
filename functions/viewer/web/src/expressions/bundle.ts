// What the library calls: text in, JSON out.
import { parseSelector } from "vega-event-selector";
import { listFunctions, readExpression } from "./reading";

interface Stream {
  source?: string;
  between?: Stream[];
  stream?: Stream;
}

interface SelectorReading {
  /** What is wrong with it; empty when nothing is. */
  error: string;
  /** Where its events come from: `view`, `window`, or elements of the page. */
  sources: string[];
}

/** The name of events, such as `click[event.shiftKey]` or `window:pointermove`. */
function readSelector(text: string): SelectorReading {
  try {
    return { error: "", sources: (parseSelector(text, "view") as Stream[]).flatMap(listSources) };
  } catch (error) {
    return { error: String(error), sources: [] };
  }
}

function listSources({ source, between = [], stream }: Stream): string[] {
  return [...(source ? [source] : []), ...between.flatMap(listSources), ...(stream ? listSources(stream) : [])];
}

Object.assign(globalThis, {
  readExpression: (text: string) => JSON.stringify(readExpression(text)),
  readSelector: (text: string) => JSON.stringify(readSelector(text)),
  listFunctions: () => JSON.stringify(listFunctions()),
});
