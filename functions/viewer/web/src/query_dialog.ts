// What a chart asks the warehouse, and what that costs: read from the public API when somebody wants to see it.
import { describeError, get, post } from "./api";
import type { ChartCell } from "./charts";
import { drawClose, openDialog } from "./dialog";
import { h, replace, type Child } from "./dom";
import { formatBytes, formatDollars } from "./format";
import type { Plan, PlannedQuery } from "./plan";
import type { Detail } from "./view";

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
  await openLoading(`Plan of ${cell.chart.query}`, async () => {
    const answer = await post<Compiled>("/dashboards/compile", { slugs: [cell.slug], variants: "default" });
    const query = answer.results[0]?.plan?.queries.find((one) => one.names.includes(cell.chart.query));
    return query ? [drawPlan(query)] : [h("p", {}, "The saved dashboard has no plan for this query.")];
  });
}

function drawPlan(query: PlannedQuery): HTMLElement {
  const facts: [string, string][] = [
    ["Reads", `${formatBytes(query.bytes_estimated)} (${formatDollars(query.usd_estimated)})`],
    ["Billed at most", formatBytes(query.bytes_billed_max)],
    ["Cap", formatBytes(query.cap_bytes)],
    ["Tables", query.referenced_tables.join(", ") || "none"],
    ["Partitions", query.partitions.map((one) => `${one.table} by ${one.column}: ${one.filtered ? "filtered" : "read whole"}`).join("; ") || "none"],
    ["Result", query.fresh ? "fresh: a refresh would not run it" : "would run at the next refresh"],
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
