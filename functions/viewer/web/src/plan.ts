// A plan as POST /dashboards/compile answers it.

export interface PlannedQuery {
  names: string[];
  parameters: Record<string, unknown>;
  referenced_tables: string[];
  bytes_estimated: number;
  bytes_billed_expected: number;
  bytes_billed_max: number;
  cap_bytes: number;
  usd_estimated: string;
  usd_billed_expected: string;
  fresh: boolean;
  deterministic: boolean;
  wave: number;
  partitions: { table: string; column: string; filtered: boolean }[];
}

export interface PlanTotals {
  variants: number;
  bytes_per_refresh: number;
  bytes_billed_per_refresh: number;
  usd_per_refresh: string;
  refreshes_per_month: string;
  usd_per_month: string;
}

export interface Plan {
  queries: PlannedQuery[];
  totals: PlanTotals;
}
