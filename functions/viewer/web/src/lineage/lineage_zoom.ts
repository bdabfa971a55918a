// How large the graph is drawn. The frame around it scrolls, so that touch, wheel and arrow keys move it as anything else.
import { h } from "../dom";
import type { Box } from "./lineage_graph";

const STEP = 1.3;
const LIMITS: [number, number] = [0.1, 3];
/** Opening, no graph is drawn so small that it cannot be read. */
const LEGIBLE = 0.6;

export class Zoom {
  private scale = 1;

  constructor(
    private readonly frame: HTMLElement,
    private readonly drawing: SVGElement,
    private readonly size: { width: number; height: number },
  ) {}

  drawButtons(): HTMLElement {
    const button = (text: string, label: string, onclick: () => void) => h("button", { class: "button", "aria-label": label, title: label, onclick }, text);
    return h(
      "div",
      { class: "group", role: "group", "aria-label": "Size" },
      button("−", "Smaller", () => this.change(this.scale / STEP)),
      button("+", "Larger", () => this.change(this.scale * STEP)),
      button("Fit", "Show the whole graph", () => this.change(this.findFit())),
    );
  }

  /** As much as can be read, beginning at `box`. */
  open(box: Box | undefined): void {
    this.change(Math.max(this.findFit(), LEGIBLE));
    if (box) this.show(box);
  }

  private show({ x, y, width, height }: Box): void {
    this.frame.scrollTo((x + width / 2) * this.scale - this.frame.clientWidth / 2, (y + height / 2) * this.scale - this.frame.clientHeight / 2);
  }

  private findFit(): number {
    // The height that it may have at most: its own depends on what is drawn.
    const limit = parseFloat(getComputedStyle(this.frame).maxHeight);
    return Math.min(1, this.frame.clientWidth / this.size.width, limit / this.size.height);
  }

  /** Keeps in the middle what is there. */
  private change(scale: number): void {
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.frame;
    const middle = { x: (scrollLeft + clientWidth / 2) / this.scale, y: (scrollTop + clientHeight / 2) / this.scale, width: 0, height: 0 };
    this.scale = Math.min(Math.max(scale, LIMITS[0]), LIMITS[1]);
    this.drawing.setAttribute("width", String(this.size.width * this.scale));
    this.drawing.setAttribute("height", String(this.size.height * this.scale));
    this.show(middle);
  }
}
