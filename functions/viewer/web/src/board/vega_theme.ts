// Chart colours from the page's own custom properties.
import type { Config } from "vega-lite";
import { placeLegend, type LegendPlace } from "./legends";
import { TOOLTIP_FORMATS } from "./vega_formats";

const CATEGORIES = {
  light: ["#3455c5", "#d9742b", "#2a8f6d", "#b83a6b", "#7a5bc7", "#a08000", "#1f8fb5", "#8a5a3c", "#6b7280", "#c2453d"],
  dark: ["#8ea6ff", "#f2a365", "#5cc7a0", "#ee86ae", "#b8a1f5", "#dcc35a", "#6cc8e8", "#cfa488", "#a9b1bf", "#f08a84"],
};

/** From few to many, away from the colour of the page. */
const RAMPS = {
  light: ["#dfe6fa", "#9fb2ec", "#5b77d6", "#3455c5", "#1b2c70"],
  dark: ["#29324f", "#3f54a0", "#6b86ea", "#a9baff", "#edf1ff"],
};

export function buildConfig(dark: boolean, legends: LegendPlace): Config {
  const styles = getComputedStyle(document.documentElement);
  const read = (name: string) => styles.getPropertyValue(name).trim();
  const text = read("--text-soft");
  const line = read("--line");
  const category = dark ? CATEGORIES.dark : CATEGORIES.light;
  const ramp = dark ? RAMPS.dark : RAMPS.light;
  const font = styles.fontFamily || "system-ui, sans-serif";
  return {
    background: read("--surface"),
    font,
    padding: { left: 2, top: 4, right: 8, bottom: 8 },
    axis: { labelColor: text, titleColor: text, gridColor: line, domainColor: line, tickColor: line, titleFontWeight: 500, labelFontSize: 11, labelLimit: 150, labelSeparation: 8 },
    axisX: { grid: false },
    legend: { labelColor: text, titleColor: text, titleFontWeight: 500, symbolBaseFillColor: text, symbolBaseStrokeColor: text, ...placeLegend(legends) },
    header: { labelColor: text, titleColor: text },
    title: { color: text },
    view: { stroke: null },
    range: { category, ramp, heatmap: ramp, ordinal: ramp },
    mark: { color: category[0], tooltip: true },
    customFormatTypes: true,
    tooltipFormat: TOOLTIP_FORMATS,
    rule: { color: text },
    boxplot: { rule: { color: text }, ticks: false, median: { color: read("--surface") }, outliers: { color: text } },
    errorbar: { rule: { color: text } },
    text: { color: read("--text") },
  } as Config;
}
