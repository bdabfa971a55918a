// A plan as POST /dashboards/compile answers it.
import type { Accuracy } from "./format";

export interface PlannedQuery {
  names: string[];
  parameters: Record<string, unknown>;
  referenced_tables: string[];
  bytes_estimated: number | null;
  accuracy: Accuracy;
  bytes_billed_expected: number | null;
  bytes_billed_max: number;
  cap_bytes: number;
  usd_estimated: string | null;
  usd_billed_expected: string | null;
  fresh: boolean;
  deterministic: boolean;
  wave: number;
  /** When BigQuery said so, where no source changed since; missing where it was asked for this plan. */
  price_kept_from?: string;
  partitions: { table: string; column: string; filtered: boolean }[];
  unwatched: { table: string; reason: string }[];
}

/** The sources whose changes may go unseen, as people read it. */
export function describeUnwatched({ unwatched }: PlannedQuery): string[] {
  return unwatched.map(({ table, reason }) => `changes of ${table} go unseen (${reason}): refreshed by age`);
}

export interface PlanTotals {
  variants: number;
  accuracy: Accuracy;
  bytes_per_refresh: number;
  bytes_billed_per_refresh: number;
  usd_per_refresh: string | null;
  refreshes_per_month: string;
  usd_per_month: string | null;
}

export interface Plan {
  queries: PlannedQuery[];
  totals: PlanTotals;
}
