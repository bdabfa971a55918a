// What the library calls: text in, JSON out.
import { parseSelector } from "vega-event-selector";
import { listFunctions, readExpression } from "./reading";

/** What is wrong with the name of an event, such as `click[event.shiftKey]`; empty when nothing is. */
function checkSelector(text: string): string {
  try {
    parseSelector(text, "view");
    return "";
  } catch (error) {
    return String(error);
  }
}

Object.assign(globalThis, {
  readExpression: (text: string) => JSON.stringify(readExpression(text)),
  listFunctions: () => JSON.stringify(listFunctions()),
  checkSelector: (text: string) => JSON.stringify(checkSelector(text)),
});
