// The charts as the text draws them, from rows that cost nothing: what is computed already, and what was run here.
import { ApiError, describeError, post } from "../api";
import { drawChart, type DrawnCell } from "../board/charts";
import { fillRow } from "../board/row_widths";
import { setTimeZone } from "../board/time_zone";
import { h, replace } from "../dom";
import { formatBytes, formatDollars, plural } from "../format";
import { fetchPayload, type Cell, type QueryData } from "../payload";
import type { Plan } from "../plan";
import { findSql, identifyQuery, listBound, type Definition } from "./definition";

interface Receipt {
  bytes_billed: number | null;
  usd_billed: string | null;
}

interface SampleAnswer {
  output_schema: { name: string; type: string; mode: string }[];
  rows: Cell[][];
  truncated: boolean;
  receipt: Receipt;
}

export class Preview {
  /** Rows by what identifies a query: the same text never has to be run twice. */
  private readonly rows = new Map<string, QueryData>();
  private current: { definition: Definition; files: Record<string, string> } | null = null;
  private plan: Plan | null = null;
  private turn = 0;

  constructor(
    private readonly notice: HTMLElement,
    private readonly board: HTMLElement,
  ) {}

  /** Take over the rows that are served for the saved version. */
  async loadSaved(saved: Definition, files: Record<string, string>): Promise<void> {
    try {
      const payload = await fetchPayload(`/data/${saved.slug}`);
      for (const [name, data] of Object.entries(payload.queries)) {
        if (data.columns.length) this.rows.set(identifyQuery(saved, name, files), data);
      }
    } catch (error) {
      // Nothing is computed yet: queries can be run here.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  async draw(definition: Definition, files: Record<string, string>): Promise<void> {
    this.current = { definition, files };
    setTimeZone(definition.timeZone);
    const turn = ++this.turn;
    const charts = new Map(definition.charts.map((chart) => [chart.id, chart]));
    const made: DrawnCell[] = [];
    for (const { chart: id, width } of definition.layout.flatMap(fillRow)) {
      const chart = charts.get(id);
      if (!chart) continue;
      const data = this.rows.get(identifyQuery(definition, chart.query, files)) ?? emptyData();
      made.push(drawChart({ slug: definition.slug, chart, data, width, preview: true }));
    }
    replace(this.board, ...made.map(({ element }) => element));
    this.drawNotice();
    for (const one of made) if (turn === this.turn) await one.paint();
    for (const one of made) if (turn === this.turn) await one.fill();
  }

  /** The plan says what running the missing queries would cost; null while that is not known. */
  setPlan(plan: Plan | null): void {
    this.plan = plan;
    this.drawNotice();
  }

  /** Columns of every query that has rows here. */
  listColumns(): string[] {
    return [...new Set([...this.rows.values()].flatMap((data) => data.columns.map(({ name }) => name)))];
  }

  private listMissing(): string[] {
    if (!this.current) return [];
    const { definition, files } = this.current;
    const drawn = new Set(definition.charts.map(({ query }) => query));
    return Object.keys(definition.queries).filter((name) => drawn.has(name) && !this.rows.has(identifyQuery(definition, name, files)));
  }

  private drawNotice(text?: string): void {
    const missing = this.listMissing();
    if (!missing.length) return replace(this.notice, text ?? "Drawn from rows that are computed already: nothing is billed.");
    const planned = missing.map((name) => this.plan?.queries.find((one) => one.names.includes(name)));
    const billed = planned.reduce((sum, one) => sum + (one?.bytes_billed_expected ?? 0), 0);
    const known = planned.every(Boolean);
    const run = h("button", { class: "button", id: "run-queries", disabled: !known, onclick: () => void this.run(missing) }, `Run ${plural(missing.length, "query", "queries")}: about ${known ? formatBytes(billed) : "…"}`);
    const why = `No rows yet for ${missing.join(", ")}. Running reads the warehouse and is billed; at most 100 rows come back.`;
    replace(this.notice, text ? `${text} ` : "", why, " ", run, known ? "" : " What it costs is known once the file is valid.");
  }

  private async run(names: string[]): Promise<void> {
    if (!this.current) return;
    const { definition, files } = this.current;
    const button = this.notice.querySelector("button");
    button?.setAttribute("disabled", "");
    let bytes = 0;
    let dollars = 0;
    let told = true;
    let priced = true;
    let problem = "";
    for (const name of names) {
      try {
        const { data, receipt } = await runQuery(definition, name, files);
        this.rows.set(identifyQuery(definition, name, files), data);
        bytes += receipt.bytes_billed ?? 0;
        dollars += Number(receipt.usd_billed ?? 0);
        told &&= receipt.bytes_billed !== null;
        priced &&= receipt.usd_billed !== null;
      } catch (error) {
        problem += ` ${name}: ${describeError(error)}`;
      }
    }
    await this.draw(this.current.definition, this.current.files);
    this.drawNotice(`Billed ${formatBytes(bytes, told ? "PRECISE" : "LOWER_BOUND")} (${formatDollars(priced ? String(dollars) : null)}).${problem}`);
  }
}

async function runQuery(definition: Definition, name: string, files: Record<string, string>): Promise<{ data: QueryData; receipt: Receipt }> {
  const sql = findSql(definition.queries[name] ?? {}, files);
  const answer = await post<SampleAnswer>("/sql/run", {
    sql,
    dataset: definition.dataset,
    time_zone: definition.jobZone,
    parameters: listBound(definition, sql),
    max_bytes_billed: definition.maxBytes,
  });
  return { data: toColumns(answer), receipt: answer.receipt };
}

function toColumns({ output_schema: fields, rows, truncated }: SampleAnswer): QueryData {
  return {
    ...emptyData(),
    columns: fields.map(({ name, type, mode }) => ({ name, type: mode === "REPEATED" ? `ARRAY<${type}>` : type })),
    rows: rows.length,
    values: fields.map((_, index) => rows.map((row) => row[index] ?? null)),
    truncated,
  };
}

function emptyData(): QueryData {
  return { columns: [], rows: 0, values: [], truncated: false, as_of: null, refresh_error: null };
}
