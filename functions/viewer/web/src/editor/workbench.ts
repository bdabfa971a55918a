// The editor at work: text, findings, plan and preview follow each change; nothing is billed on its own.
import { ApiError, describeError, post } from "../api";
import { byId } from "../dom";
import type { Plan } from "../plan";
import { announce } from "../page";
import { CodeEditor } from "./code_editor";
import { listFiles, readDefinition, type Definition } from "./definition";
import { drawDiagnostics, findFile, type Diagnostic } from "./diagnostics";
import { dropDraft, sameText, writeDraft, type Draft } from "./draft";
import { drawTabs } from "./file_tabs";
import { drawPlan, drawPlanState } from "./plan_panel";
import { Preview } from "./preview";
import { openSaveDialog, type Saved } from "./save_dialog";
import { makeSchemaHints, type Names } from "./schema_hints";
import type { Schema } from "./schema_walk";

interface Verdict {
  valid: boolean;
  diagnostics: Diagnostic[];
  plan?: Plan | null;
}

const VALIDATE_AFTER_MILLISECONDS = 350;
const COMPILE_AFTER_MILLISECONDS = 700;
export const MAIN = "dashboard.yaml";

export class Workbench {
  private readonly editor: CodeEditor;
  private readonly preview = new Preview(byId("preview-notice"), byId("board"));
  private definition: Definition | null = null;
  private timer: number | undefined;
  private turn = 0;
  private shown = MAIN;
  private isReadable = true;
  private isValid = true;
  private saved: Draft;

  /** `slug` is null for a dashboard that does not exist yet; `draft` goes on where somebody stopped. */
  constructor(
    private slug: string | null,
    saved: Draft,
    draft: Draft | null,
    schema: Promise<Schema>,
    private readonly onSaved: (saved: Saved) => void,
  ) {
    // Another version may have come since the draft was begun: saving must still notice.
    this.saved = { ...saved, baseVersion: draft?.baseVersion ?? saved.baseVersion };
    const begin = draft ?? saved;
    this.editor = new CodeEditor(byId("code"), MAIN, { [MAIN]: begin.yaml, ...begin.files }, {
      hints: makeSchemaHints(schema, () => this.listNames()),
      onChange: () => this.schedule(),
      onSave: () => void this.save(),
    });
    this.drawTabs();
    this.keepDraft();
    window.addEventListener("beforeunload", (event) => {
      if (this.isChanged()) event.preventDefault();
    });
  }

  /** Draw what is there already, then look at the text for the first time. */
  async open(): Promise<void> {
    const drawn = this.saved.baseVersion ? this.preview.loadSaved(readDefinition(this.saved.yaml), this.saved.files) : undefined;
    await Promise.all([drawn, this.check()]);
    if (this.definition) await this.preview.draw(this.definition, this.readFiles());
  }

  async save(): Promise<void> {
    const draft = this.readDraft();
    await openSaveDialog(draft, {
      onSaved: (saved) => this.finishSave(saved, draft),
      onConflict: (error) => void this.resolve(error, draft),
    });
  }

  /** Throw the changes away. */
  revert(): void {
    for (const [name, text] of Object.entries({ ...this.saved.files, [MAIN]: this.saved.yaml })) this.editor.writeText(name, text);
    this.show(MAIN);
  }

  private async resolve(error: ApiError, mine: Draft): Promise<void> {
    const { openConflictDialog } = await import("./conflict_dialog");
    const onMerged = (merged: Draft) => {
      this.saved.baseVersion = merged.baseVersion;
      for (const [name, text] of Object.entries(merged.files)) this.editor.writeText(name, text);
      this.show(MAIN);
      this.editor.writeText(MAIN, merged.yaml);
      this.keepDraft();
      announce(`Go on from version ${merged.baseVersion}, then save`);
    };
    openConflictDialog({ error, mine, saved: this.saved, main: MAIN, onMerged });
  }

  private finishSave(saved: Saved, draft: Draft): void {
    dropDraft(this.slug ?? "new");
    this.slug = saved.slug;
    this.saved = { ...draft, baseVersion: saved.version };
    this.keepDraft();
    this.onSaved(saved);
  }

  private schedule(): void {
    this.keepDraft();
    this.preview.setPlan(null); // what the text cost before is not what it costs now
    clearTimeout(this.timer);
    this.turn += 1;
    this.timer = window.setTimeout(() => void this.check(), VALIDATE_AFTER_MILLISECONDS);
  }

  /** Look at the text: charts at once, findings from the service, the plan once it is valid. */
  private async check(): Promise<void> {
    const turn = ++this.turn;
    await Promise.all([this.readText(), this.validate(turn)]);
  }

  private async validate(turn: number): Promise<void> {
    try {
      const verdict = await this.ask("/dashboards/validate");
      if (turn !== this.turn) return;
      this.showFindings(verdict.diagnostics);
      this.isValid = verdict.valid;
      this.showOutdated();
      if (verdict.valid) this.timer = window.setTimeout(() => void this.compile(turn), COMPILE_AFTER_MILLISECONDS);
      else this.showPlan(null, "The plan and its cost are known once the file is valid.");
    } catch (error) {
      if (turn === this.turn) this.showPlan(null, describeError(error));
    }
  }

  private async compile(turn: number): Promise<void> {
    drawPlanState(byId("plan"), "Planning by dry runs, which bill nothing…");
    try {
      const { plan = null, diagnostics } = await this.ask("/dashboards/compile", { kept_prices: true });
      if (turn !== this.turn) return;
      this.showFindings(diagnostics);
      this.showPlan(plan, "The plan and its cost are known once the warehouse accepts every query.");
    } catch (error) {
      if (turn === this.turn) this.showPlan(null, describeError(error));
    }
  }

  private async ask(path: string, options: Record<string, unknown> = {}): Promise<Verdict> {
    const { yaml, files } = this.readDraft();
    const answer = await post<{ results: Verdict[] }>(path, { dashboards: [{ yaml, files }], ...options }).catch((error: unknown) => {
      // A plan that is refused says what is wrong in the same form.
      if (error instanceof ApiError && error.status === 422 && error.data) return error.data as { results: Verdict[] };
      throw error;
    });
    const [verdict] = answer.results;
    if (!verdict) throw new Error("The service answered nothing.");
    return verdict;
  }

  private async readText(): Promise<void> {
    try {
      this.definition = readDefinition(this.editor.readTexts()[MAIN] ?? "");
    } catch {
      // Half-written YAML is everyday: the last charts stay, and the service says what is wrong and where.
      this.isReadable = false;
      return this.showOutdated();
    }
    this.isReadable = true;
    this.showOutdated();
    if (this.listTabs().includes(this.shown)) this.drawTabs();
    else this.show(MAIN);
    await this.preview.draw(this.definition, this.readFiles());
  }

  /** Say when the charts are not those of the text. */
  private showOutdated(): void {
    byId("board").classList.toggle("outdated", !this.isReadable);
    const text = this.isReadable ? "The file has errors: these charts may be wrong." : "Out of date: these are the charts from before the text could not be read.";
    byId("outdated").textContent = this.isReadable && this.isValid ? "" : text;
  }

  private showFindings(found: Diagnostic[]): void {
    const names = this.listTabs();
    for (const name of names) this.editor.mark(name, found.filter((one) => findFile(one, MAIN, names) === name));
    drawDiagnostics(byId("findings"), found, (one) => {
      const name = findFile(one, MAIN, names);
      this.show(name);
      this.editor.reveal(name, one);
    });
  }

  private showPlan(plan: Plan | null, otherwise: string): void {
    this.preview.setPlan(plan);
    if (plan) drawPlan(byId("plan"), plan);
    else drawPlanState(byId("plan"), otherwise);
  }

  private show(name: string): void {
    this.shown = name;
    this.editor.show(name);
    this.drawTabs();
  }

  private drawTabs(): void {
    drawTabs(byId("files"), this.listTabs(), this.shown, (name) => this.show(name));
  }

  private listTabs(): string[] {
    return [MAIN, ...(this.definition ? listFiles(this.definition) : [])];
  }

  private listNames(): Names {
    const { queries = {}, charts = [] } = this.definition ?? {};
    return { query: Object.keys(queries), chart: charts.map(({ id }) => id), field: this.preview.listColumns() };
  }

  private readFiles(): Record<string, string> {
    const { [MAIN]: _, ...texts } = this.editor.readTexts();
    const named = this.definition ? new Set(listFiles(this.definition)) : null;
    return Object.fromEntries(Object.entries(texts).filter(([name]) => named?.has(name) ?? true));
  }

  private readDraft(): Draft {
    return { yaml: this.editor.readTexts()[MAIN] ?? "", files: this.readFiles(), baseVersion: this.saved.baseVersion };
  }

  private isChanged(): boolean {
    return !sameText(this.readDraft(), this.saved);
  }

  private keepDraft(): void {
    const changed = this.isChanged();
    byId("state").textContent = changed ? "Not saved" : this.saved.baseVersion ? `Version ${this.saved.baseVersion}` : "New";
    byId("revert").hidden = !changed;
    if (changed) writeDraft(this.slug ?? "new", this.readDraft());
    else dropDraft(this.slug ?? "new");
  }
}
