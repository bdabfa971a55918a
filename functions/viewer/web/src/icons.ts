// The few signs of the bar, drawn in the colour of the text around them.
import { svg } from "./dom";

const PATHS = {
  mark: "M4 20V12M10 20V5M16 20V9M2 20h18",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M4.9 4.9l1.8 1.8M17.3 17.3l1.8 1.8M4.9 19.1l1.8-1.8M17.3 6.7l1.8-1.8",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
};

export function drawIcon(name: keyof typeof PATHS, className = ""): SVGElement {
  return svg("svg", { class: `icon ${className}`, viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}
