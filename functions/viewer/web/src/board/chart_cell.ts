// What a cell of the board is made from, and the drawing that stands in it.
import type { Cell, Chart, QueryData } from "../payload";
import type { Drawing } from "./vega_view";

export interface ChartCell {
  slug: string;
  chart: Chart;
  data: QueryData;
  /** The values of the dashboard's parameters that are shown. */
  parameters?: Record<string, Cell>;
  width: number;
  /** In a row with something higher: a number stays as high as it is. */
  besideHigher?: boolean;
  /** A number that has no other beside it where two stand in a line. */
  isOdd?: boolean;
  /** Drawn from text that is not saved: there is nothing to ask the service about it. */
  preview?: boolean;
}

/** By the body of its cell: what Vega drew there. */
export const drawings = new WeakMap<Element, Drawing>();
