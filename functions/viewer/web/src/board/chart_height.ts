import type { Chart } from "../payload";

/** Charts with one step per value are as high as they have values; the others fill what is left. */
export function hasSteps(chart: Chart): boolean {
  const spec = chart.spec as { encoding?: { y?: { type?: string } }; height?: unknown };
  return ["nominal", "ordinal"].includes(spec.encoding?.y?.type ?? "") && !spec.height;
}

/** Small multiples are as high as their rows of drawings. */
export function isFaceted(spec: object): boolean {
  const { encoding = {} } = spec as { encoding?: object };
  return ["row", "column", "facet"].some((channel) => channel in encoding);
}
