// POST /precompute with its progress, line by line, and the receipt at the end.
import { ApiError, describeError, stream, type Problem } from "../api";
import { h, replace } from "../dom";
import { type Accuracy, formatBytes, formatDollars, plural } from "../format";

interface QueryLine {
  event: "query";
  /** How many such lines there will be. */
  total: number;
  refresh: { queries: string[]; parameters: Record<string, unknown>; status: string; reason: string; error: Problem | null };
}

interface Totals {
  refreshed: number;
  skipped_unchanged: number;
  kept_previous: number;
  failed: number;
  bytes_billed: number;
  accuracy: Accuracy;
  bytes_saved: number;
  usd_billed: string | null;
  usd_saved: string | null;
}

interface DashboardLine {
  event: "dashboard";
  refresh: { totals: Totals; problems: Problem[] };
}

type Line = QueryLine | DashboardLine | { event: "running" | "done" } | { event: "error"; error: Problem };

/** What a refresh came to; `problem` is why something could not be computed. */
export interface RefreshEnd {
  complete: boolean;
  problem: string | null;
}

/** What to compute: a dashboard with all its listed variants, or one variant by the texts of the address. */
export type RefreshTarget = { slugs: [string] } | { slug: string; parameters: Record<string, string | string[]> };

/** Refresh `target` and show how it goes in `parent`. */
export async function startRefresh(target: RefreshTarget, parent: HTMLElement): Promise<RefreshEnd> {
  const panel = new RefreshPanel(parent);
  const path = "slugs" in target ? "/precompute" : "/precompute/variant";
  try {
    for await (const line of stream<Line>(path, target)) panel.show(line);
  } catch (error) {
    panel.stop(error);
  }
  return panel.finish();
}

class RefreshPanel {
  private readonly count = h("span", {}, "Asking what changed…");
  private readonly log = h("ol", { class: "log" });
  private readonly details = h("details", {}, h("summary", {}, "Each query"), this.log);
  private readonly receipt = h("p", { class: "receipt" });
  private readonly bar = h("progress", { "aria-label": "Refresh" });
  private readonly panel: HTMLElement;
  private done = 0;
  private complete = true;
  private problem: string | null = null;

  constructor(parent: HTMLElement) {
    const close = h("button", { class: "quiet", "aria-label": "Close the receipt", onclick: () => replace(parent) }, "×");
    const head = h("div", { class: "panel-head" }, this.bar, this.count, close);
    this.panel = h("section", { class: "panel", "aria-label": "Refresh" }, head, this.receipt, this.details);
    replace(parent, this.panel);
  }

  show(line: Line): void {
    if (line.event === "query") this.showQuery(line);
    if (line.event === "dashboard") this.showDashboard(line);
    if (line.event === "error") throw new ApiError(0, line.error);
  }

  stop(error: unknown): void {
    this.complete = false;
    this.problem = describeError(error);
    this.receipt.append(h("span", { class: "problem" }, this.problem));
  }

  finish(): RefreshEnd {
    this.bar.remove();
    this.count.textContent = this.complete ? "Up to date" : this.done ? "Not everything could be refreshed" : "The refresh stopped";
    this.panel.classList.toggle("failed", !this.complete);
    this.details.open = !this.complete;
    this.details.hidden = this.done === 0;
    return { complete: this.complete, problem: this.problem };
  }

  private showQuery(line: QueryLine): void {
    this.done += 1;
    this.bar.max = line.total;
    this.bar.value = this.done;
    this.count.textContent = `${this.done} of ${plural(line.total, "query", "queries")} done`;
    this.log.append(drawLine(line));
    if (line.refresh.error && !this.problem) this.problem = `${line.refresh.queries.join(", ")}: ${line.refresh.error.message}`;
  }

  private showDashboard(line: DashboardLine): void {
    const { totals, problems } = line.refresh;
    if (totals.kept_previous + totals.failed + problems.length === 0) return drawReceipt(this.receipt, totals, []);
    this.complete = false;
    this.problem ??= problems[0]?.message ?? null;
    drawReceipt(this.receipt, totals, [...new Set([this.problem ?? "", ...problems.map((one) => one.message)])].filter(Boolean));
  }
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

function drawReceipt(parent: HTMLElement, totals: Totals, problems: string[]): void {
  const counts = [
    [totals.refreshed, "refreshed"],
    [totals.skipped_unchanged, "unchanged"],
    [totals.kept_previous, "kept as before"],
    [totals.failed, "failed"],
  ].flatMap(([count, word]) => (count ? [`${count} ${word}`] : []));
  const billed = `billed ${formatBytes(totals.bytes_billed, totals.accuracy)} (${formatDollars(totals.usd_billed)})`;
  const saved = `saved ${formatBytes(totals.bytes_saved)} (${formatDollars(totals.usd_saved)})`;
  replace(parent, [...counts, billed, saved].join(" · "), ...problems.map((text) => h("span", { class: "problem" }, text)));
}
