// What GET /dashboards/{slug} answers, as far as the pages read it.
import type { Cell } from "./payload";

export interface ParameterDefinition {
  name: string;
  type: string;
  values?: Cell[] | null;
  default: Cell;
  description?: string;
  allow_other?: boolean;
}

export interface Detail {
  slug: string;
  title: string;
  current_version: number;
  yaml: string;
  definition: { parameters?: ParameterDefinition[]; queries?: Record<string, { sql?: string; file?: string }> } | null;
  files: Record<string, string>;
  last_refresh_error: { message: string } | null;
}
