// What a refresh of the text would read and cost: POST /dashboards/compile, which bills nothing.
import { h, replace } from "../dom";
import { formatAgo, formatBytes, formatDollars, plural } from "../format";
import { describeUnwatched, type Plan, type PlannedQuery } from "../plan";

export function drawPlanState(parent: HTMLElement, text: string): void {
  replace(parent, h("p", { class: "muted small" }, text));
}

export function drawPlan(parent: HTMLElement, { queries, totals }: Plan): void {
  const toRun = queries.filter((one) => !one.fresh).length;
  const facts: [string, string][] = [
    ["A full refresh", `reads ${formatBytes(totals.bytes_per_refresh, totals.accuracy)}, bills ${formatBytes(totals.bytes_billed_per_refresh, totals.accuracy)} (${formatDollars(totals.usd_per_refresh)})`],
    ["A month", Number(totals.refreshes_per_month) ? `${formatDollars(totals.usd_per_month)} if every refresh ran everything` : "no schedule: refreshed on request"],
    ["Next refresh", toRun ? `would run ${toRun} of ${plural(queries.length, "query", "queries")}` : `would run nothing: all ${plural(queries.length, "query", "queries")} are computed`],
  ];
  replace(
    parent,
    h("dl", { class: "plan" }, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("details", {}, h("summary", {}, `${plural(queries.length, "query", "queries")}, ${plural(totals.variants, "variant")}`), h("ul", { class: "planned" }, ...queries.map(drawQuery))),
  );
}

function drawQuery(one: PlannedQuery): HTMLElement {
  const values = Object.entries(one.parameters).map(([name, value]) => `${name}=${String(value)}`);
  const whole = one.partitions.filter(({ filtered }) => !filtered).map(({ table }) => `${table} is read whole`);
  const cost = `reads ${formatBytes(one.bytes_estimated, one.accuracy)}, bills ${formatBytes(one.bytes_billed_expected, one.accuracy)} of at most ${formatBytes(one.cap_bytes)}`;
  const priced = one.price_kept_from ? `priced ${formatAgo(one.price_kept_from)}, sources unchanged` : "";
  const facts = [values.join(" "), cost, one.fresh ? "computed already" : "", priced, ...whole, ...describeUnwatched(one)];
  return h("li", {}, h("b", {}, one.names.join(", ")), ` ${facts.filter(Boolean).join(" · ")}`);
}
