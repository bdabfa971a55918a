// What a chart asks the warehouse, and what that costs: read from the public API when somebody wants to see it.
import { describeError, get, post } from "../api";
import { showFully } from "./cells";
import type { ChartCell } from "./chart_cell";
import { readParameters } from "./parameters";
import type { Detail } from "../detail";
import { drawClose, openDialog } from "../dialog";
import { h, replace, type Child } from "../dom";
import { formatAgo, formatBytes, formatDollars } from "../format";
import type { Cell } from "../payload";
import { describeUnwatched, type Plan, type PlannedQuery } from "../plan";

interface Compiled {
  results: { plan: Plan | null }[];
}

export async function openSql(cell: ChartCell): Promise<void> {
  await openLoading(`SQL of ${cell.chart.query}`, async () => {
    const detail = await get<Detail>(`/dashboards/${cell.slug}`);
    const query = detail.definition?.queries?.[cell.chart.query];
    const sql = query?.sql ?? (query?.file ? detail.files[query.file] : undefined);
    return [h("pre", { class: "code", tabindex: 0, "aria-label": "SQL" }, sql ?? "This version keeps no SQL.")];
  });
}

export async function openPlan(cell: ChartCell): Promise<void> {
  const shown = cell.parameters ?? {};
  await openLoading(`Plan of ${cell.chart.query}`, async () => {
    // Not all variants when the address names none: a plan asks BigQuery for each.
    const variants = readParameters().size ? "all" : "default";
    const answer = await post<Compiled>("/dashboards/compile", { slugs: [cell.slug], variants, kept_prices: true });
    const queries = answer.results[0]?.plan?.queries.filter((one) => one.names.includes(cell.chart.query)) ?? [];
    const query = queries.find((one) => isFor(one, shown));
    if (query) return [drawPlan(query)];
    const reason = queries.length ? "These values are computed on request and are in no plan." : "The saved dashboard has no plan for this query.";
    return [h("p", {}, reason)];
  });
}

function isFor(query: PlannedQuery, shown: Record<string, unknown>): boolean {
  return Object.entries(query.parameters).every(([name, value]) => JSON.stringify(shown[name]) === JSON.stringify(value));
}

function drawPlan(query: PlannedQuery): HTMLElement {
  const values = Object.entries(query.parameters).map(([name, value]) => `${name} = ${showFully(value as Cell)}`);
  const facts: [string, string][] = [
    ["For", values.join(", ") || "every variant"],
    ["Bills", `${formatBytes(query.bytes_billed_expected, query.accuracy)} (${formatDollars(query.usd_billed_expected)}) when it runs`],
    ["Reads", formatBytes(query.bytes_estimated, query.accuracy)],
    ["Billed at most", formatBytes(query.bytes_billed_max)],
    ["Cap", formatBytes(query.cap_bytes)],
    ["Tables", query.referenced_tables.join(", ") || "none"],
    ["Partitions", query.partitions.map((one) => `${one.table} by ${one.column}: ${one.filtered ? "filtered" : "read whole"}`).join("; ") || "none"],
    ["Changes", describeUnwatched(query).join("; ") || "seen in every table"],
    ["Result", query.fresh ? "fresh: a refresh would not run it" : "would run at the next refresh"],
    ["Priced", query.price_kept_from ? `${formatAgo(query.price_kept_from)}, sources unchanged since` : "now"],
    ["Deterministic", query.deterministic ? "yes" : "no: refreshed by age"],
  ];
  return h("dl", { class: "plan" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

async function openLoading(title: string, load: () => Promise<Child[]>): Promise<void> {
  const content = h("div", {}, h("p", { class: "muted", role: "status" }, "Loading…"));
  openDialog(title, content, drawClose());
  try {
    replace(content, ...(await load()));
  } catch (error) {
    replace(content, h("p", { role: "alert" }, describeError(error)));
  }
}
