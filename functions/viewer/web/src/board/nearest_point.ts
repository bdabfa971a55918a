// A line is a hair wide and shows one tooltip for all of it: here it answers for the point that is nearest to the pointer.
import type { View } from "vega";
import { showTooltip } from "./tooltip";

interface Item {
  x?: number;
  y?: number;
  tooltip?: unknown;
  defined?: boolean;
  mark?: { marktype?: string };
  items?: Mark[];
}

interface Mark {
  marktype?: string;
  items?: Item[];
}

const LINES = new Set(["line", "area", "trail"]);
const REACH = 40;

export function isLine(item: unknown): boolean {
  return LINES.has((item as Item | null)?.mark?.marktype ?? "");
}

/** Have the lines of a drawing answer the pointer when nothing else does. */
export function answerForNearest(view: View, parent: HTMLElement): void {
  const { root } = view.scenegraph() as unknown as { root: Mark };
  const points = listPoints(root);
  if (!points.length) return;
  let shown = false;
  view.addEventListener("pointermove", (event, item) => {
    const over = item as Item | null | undefined;
    if (over?.tooltip !== undefined && over.tooltip !== null && !isLine(over)) return;
    const drawing = parent.querySelector("svg, canvas");
    if (!drawing) return;
    const { left, top } = drawing.getBoundingClientRect();
    const [originX = 0, originY = 0] = view.origin();
    const { clientX, clientY } = event as unknown as MouseEvent;
    const nearest = findNearest(points, clientX - left - originX, clientY - top - originY);
    if (nearest || shown) showTooltip(event as unknown as MouseEvent, nearest?.tooltip ?? null);
    shown = nearest !== null;
  });
  parent.onpointerleave = (event) => showTooltip(event, null);
}

interface Point {
  x: number;
  y: number;
  tooltip: unknown;
}

function listPoints(mark: Mark, left = 0, top = 0): Point[] {
  return (mark.items ?? []).flatMap((item) => {
    const [x, y] = [left + (item.x ?? 0), top + (item.y ?? 0)];
    if (mark.marktype === "group") return (item.items ?? []).flatMap((inner) => listPoints(inner, x, y));
    const answers = LINES.has(mark.marktype ?? "") && item.defined !== false && item.tooltip !== undefined && item.tooltip !== null;
    return answers ? [{ x, y, tooltip: item.tooltip }] : [];
  });
}

function findNearest(points: Point[], x: number, y: number): Point | null {
  let best: Point | null = null;
  let least = REACH;
  for (const point of points) {
    const distance = Math.hypot(point.x - x, point.y - y);
    if (distance < least) [best, least] = [point, distance];
  }
  return best;
}
