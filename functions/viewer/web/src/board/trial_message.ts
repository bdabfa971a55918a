// What the page and the worker that tries a chart tell each other.
import type { Config, TopLevelSpec } from "vega-lite";
import type { Row } from "./rows";

export interface Trial {
  spec: TopLevelSpec;
  config: Config;
  rows: Row[];
}

export interface Verdict {
  ready?: true;
  marks?: number;
  reason?: string;
}
