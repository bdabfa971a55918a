// Saving: what would change, a message, and then the new version. A dry run shows the change first.
import { ApiError, describeError, post } from "../api";
import { drawClose, openDialog } from "../dialog";
import { h, replace } from "../dom";
import { formatBytes, formatDollars } from "../format";
import type { Draft } from "./draft";

interface Names {
  added: string[];
  removed: string[];
  changed: string[];
}

interface Diff {
  queries: Names;
  charts: Names;
  parameters: Names;
  settings: string[];
  text: string;
  bytes_per_refresh_before: number | null;
  bytes_per_refresh_after: number | null;
  usd_per_month_before: string | null;
  usd_per_month_after: string | null;
}

export interface Saved {
  slug: string;
  version: number;
  changed: boolean;
  diff: Diff;
}

export interface SaveActions {
  onSaved: (saved: Saved) => void;
  onConflict: (error: ApiError) => void;
}

/** Save `draft` without asking further; `expected_version` guards against losing another's work. */
export async function saveDraft({ yaml, files, baseVersion }: Draft, message: string, dryRun: boolean): Promise<Saved> {
  const answer = await post<{ results: Saved[] }>("/dashboards/save", {
    dashboards: [{ yaml, files, expected_version: baseVersion }],
    message,
    dry_run: dryRun,
  });
  const [saved] = answer.results;
  if (!saved) throw new Error("The service answered no version.");
  return saved;
}

export async function openSaveDialog(draft: Draft, actions: SaveActions): Promise<void> {
  const content = h("div", {}, h("p", { class: "muted", role: "status" }, "Comparing with what is saved…"));
  const dialog = openDialog("Save", content);
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) {
        dialog.close();
        return actions.onConflict(error);
      }
      replace(content, h("p", { role: "alert" }, describeError(error)), drawClose("Keep editing"));
    }
  };
  await attempt(async () => {
    const planned = await saveDraft(draft, "", true);
    drawChange(content, planned, (message) =>
      attempt(async () => {
        const saved = await saveDraft(draft, message, false);
        dialog.close();
        actions.onSaved(saved);
      }),
    );
  });
}

function drawChange(content: HTMLElement, planned: Saved, save: (message: string) => Promise<void>): void {
  const close = h("button", { class: "button", formmethod: "dialog", formnovalidate: true }, planned.changed ? "Keep editing" : "Close");
  if (!planned.changed) {
    const text = `Nothing differs from version ${planned.version}.`;
    return replace(content, h("p", {}, text), h("form", { method: "dialog" }, close));
  }
  const message = h("input", { name: "message", maxlength: 1000, placeholder: "Why it changes", "aria-label": "Message of the version", autocomplete: "off" });
  const button = h("button", { class: "button primary", type: "submit" }, `Save version ${planned.version}`);
  const submit = (event: SubmitEvent) => {
    if (event.submitter === close) return;
    event.preventDefault();
    button.disabled = true;
    void save(message.value);
  };
  const form = h("form", { class: "save-form", onsubmit: submit }, message, close, button);
  replace(content, ...drawSummary(planned.diff), drawDiffText(planned.diff.text), form);
  message.focus();
}

function drawSummary(diff: Diff): HTMLElement[] {
  const kinds: [string, Names][] = [["queries", diff.queries], ["charts", diff.charts], ["parameters", diff.parameters]];
  const words = kinds.flatMap(([kind, names]) =>
    (["added", "changed", "removed"] as const).flatMap((how) => (names[how].length ? [`${kind} ${how}: ${names[how].join(", ")}`] : [])),
  );
  if (diff.settings.length) words.push(`settings changed: ${diff.settings.join(", ")}`);
  return [h("p", {}, words.join("; ") || "No query, chart or setting changes: only how it is written."), h("p", { class: "muted" }, describeCost(diff))];
}

function describeCost(diff: Diff): string {
  const bytes = [diff.bytes_per_refresh_before, diff.bytes_per_refresh_after].map((one) => (one === null ? null : formatBytes(one)));
  const dollars = [diff.usd_per_month_before, diff.usd_per_month_after].map((one) => (one === null ? null : formatDollars(one)));
  return `A full refresh reads ${join(bytes)}; a month costs ${join(dollars)}.`;
}

function join([before, after]: (string | null)[]): string {
  if (after === null || after === undefined) return "an unknown amount";
  return before === null || before === undefined || before === after ? after : `${after} instead of ${before}`;
}

export function drawDiffText(text: string): HTMLElement {
  const lines = text.split("\n").map((line) => {
    const kind = /^(---|\+\+\+|@@)/.test(line) ? "place" : line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "";
    return h("span", { class: kind }, `${line}\n`);
  });
  return h("pre", { class: "code diff", tabindex: 0, role: "region", "aria-label": "Difference" }, ...lines);
}
