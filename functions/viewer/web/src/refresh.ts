// POST /precompute with its progress, line by line, and the receipt at the end.
import { ApiError, stream, type Problem } from "./api";
import { h, replace } from "./dom";
import { formatBytes, formatDollars, plural } from "./format";

interface QueryLine {
  event: "query";
  refresh: { queries: string[]; parameters: Record<string, unknown>; status: string; reason: string; error: Problem | null };
}

interface Totals {
  refreshed: number;
  skipped_unchanged: number;
  kept_previous: number;
  failed: number;
  bytes_billed: number;
  bytes_saved: number;
  usd_billed: string;
  usd_saved: string;
}

interface DashboardLine {
  event: "dashboard";
  refresh: { totals: Totals; problems: Problem[] };
}

type Line = QueryLine | DashboardLine | { event: "running" | "done" } | { event: "error"; error: Problem };

/** Refresh one dashboard and show how it goes in `parent`. */
export async function startRefresh(slug: string, parent: HTMLElement): Promise<void> {
  const count = h("span", {}, "Asking what changed…");
  const log = h("ol", { class: "log" });
  const receipt = h("p", { class: "receipt" });
  const close = h("button", { class: "quiet", "aria-label": "Close the receipt", onclick: () => replace(parent) }, "×");
  const bar = h("progress", { "aria-label": "Refresh" });
  const panel = h("section", { class: "panel", "aria-label": "Refresh" }, h("div", { class: "panel-head" }, bar, count, close), receipt, h("details", {}, h("summary", {}, "Each query"), log));
  replace(parent, panel);
  let done = 0;
  let complete = true;
  try {
    for await (const line of stream<Line>("/precompute", { slugs: [slug] })) {
      if (line.event === "query") {
        done += 1;
        count.textContent = `${plural(done, "query", "queries")} done`;
        log.append(drawLine(line));
      } else if (line.event === "dashboard") {
        drawReceipt(receipt, line);
        complete = line.refresh.totals.kept_previous + line.refresh.totals.failed === 0;
      } else if (line.event === "error") {
        throw new ApiError(0, line.error);
      }
    }
    count.textContent = complete ? "Up to date" : "Not everything could be refreshed";
    panel.classList.toggle("failed", !complete);
  } catch (error) {
    const problem = error instanceof ApiError ? error.problem : null;
    panel.classList.add("failed");
    count.textContent = "The refresh stopped";
    receipt.textContent = problem ? `${problem.message} ${problem.remediation}` : String(error);
  }
  bar.remove();
}

function drawLine({ refresh }: QueryLine): HTMLElement {
  const values = Object.entries(refresh.parameters).map(([name, value]) => `${name}=${String(value)}`);
  const text = [refresh.queries.join(", "), values.join(" ")].filter(Boolean).join(" · ");
  return h(
    "li",
    {},
    h("span", { class: `status ${refresh.status}` }, refresh.status.replace("_", " ")),
    ` ${text}: ${refresh.error?.message ?? refresh.reason}`,
  );
}

function drawReceipt(parent: HTMLElement, { refresh: { totals, problems } }: DashboardLine): void {
  const counts = [
    [totals.refreshed, "refreshed"],
    [totals.skipped_unchanged, "unchanged"],
    [totals.kept_previous, "kept as before"],
    [totals.failed, "failed"],
  ].flatMap(([count, word]) => (count ? [`${count} ${word}`] : []));
  const billed = `billed ${formatBytes(totals.bytes_billed)} (${formatDollars(totals.usd_billed)})`;
  const saved = `saved ${formatBytes(totals.bytes_saved)} (${formatDollars(totals.usd_saved)})`;
  replace(parent, [...counts, billed, saved].join(" · "), ...problems.map((one) => h("span", { class: "problem" }, one.message)));
}
