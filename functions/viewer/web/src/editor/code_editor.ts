// CodeMirror with one document per file. It lives in a shadow root, where it styles itself by constructed style
// sheets: the page's policy allows no style elements.
import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, foldGutter, foldKeymap, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic as Mark } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Text, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { isDark } from "../page";
import { CODE_THEME } from "./code_theme";
import type { Diagnostic } from "./diagnostics";

export interface CodeEditorOptions {
  /** Completion and hover of the YAML. */
  hints: Extension;
  onChange: () => void;
  onSave: () => void;
}

/** A root of its own below `host`, for an editor's view. */
export function openShadow(host: HTMLElement): ShadowRoot {
  return host.shadowRoot ?? host.attachShadow({ mode: "open" });
}

export class CodeEditor {
  private readonly states = new Map<string, EditorState>();
  private readonly marks = new Map<string, Diagnostic[]>();
  private readonly shade = new Compartment();
  private readonly view: EditorView;
  private shown: string;

  constructor(
    host: HTMLElement,
    private readonly main: string,
    texts: Record<string, string>,
    private readonly options: CodeEditorOptions,
  ) {
    for (const [name, text] of Object.entries(texts)) this.states.set(name, this.makeState(name, text));
    this.shown = main;
    const root = openShadow(host);
    this.view = new EditorView({ state: this.states.get(main), parent: root, root });
    document.addEventListener("themechange", () => this.applyShade());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.applyShade());
  }

  readTexts(): Record<string, string> {
    this.keep();
    return Object.fromEntries([...this.states].map(([name, state]) => [name, state.doc.toString()]));
  }

  /** Replace a file's text as one step that can be undone. */
  writeText(name: string, text: string): void {
    this.show(name);
    if (this.view.state.doc.toString() === text) return;
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: text } });
  }

  show(name: string): void {
    if (name === this.shown) return;
    this.keep();
    this.shown = name;
    const state = this.states.get(name) ?? this.makeState(name, "");
    this.view.setState(state);
    this.applyShade();
    this.mark(name, this.marks.get(name) ?? []);
  }

  /** Underline what was found in a file. */
  mark(name: string, found: Diagnostic[]): void {
    this.marks.set(name, found);
    if (name !== this.shown) return;
    const { doc } = this.view.state;
    this.view.dispatch(setDiagnostics(this.view.state, found.map((one) => this.toMark(doc, one))));
  }

  /** Put the cursor on a finding. */
  reveal(name: string, { line, column }: { line: number; column: number }): void {
    this.show(name);
    const at = toOffset(this.view.state.doc, line, column);
    this.view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    this.view.focus();
  }

  private keep(): void {
    this.states.set(this.shown, this.view.state);
  }

  private applyShade(): void {
    this.view.dispatch({ effects: this.shade.reconfigure(EditorView.darkTheme.of(isDark())) });
  }

  private toMark(doc: Text, one: Diagnostic): Mark {
    const from = toOffset(doc, one.line, one.column);
    const to = Math.max(from, toOffset(doc, one.end_line, one.end_column));
    const { edit } = one;
    const fix = edit && {
      name: edit.new_text ? `Write ${edit.new_text.trim()}` : "Remove it",
      apply: (view: EditorView) => {
        const { doc: now } = view.state;
        view.dispatch({ changes: { from: toOffset(now, edit.line, edit.column), to: toOffset(now, edit.end_line, edit.end_column), insert: edit.new_text } });
      },
    };
    return {
      from,
      to,
      severity: one.severity === "error" ? "error" : one.severity === "warning" ? "warning" : "info",
      source: one.code,
      message: `${one.message}\n${one.remediation}`,
      actions: fix ? [fix] : [],
    };
  }

  private makeState(name: string, text: string): EditorState {
    const saveKey = { key: "Mod-s", preventDefault: true, run: () => (this.options.onSave(), true) };
    return EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(),
        foldGutter(),
        lintGutter(),
        history(),
        drawSelection(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        search({ top: true }),
        indentUnit.of("  "),
        keymap.of([saveKey, ...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...defaultKeymap, indentWithTab]),
        name === this.main ? [yaml(), this.options.hints] : [],
        CODE_THEME,
        this.shade.of(EditorView.darkTheme.of(isDark())),
        EditorView.contentAttributes.of({ "aria-label": `Text of ${name}`, tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) this.options.onChange();
        }),
      ],
    });
  }
}

/** The offset of a line and column that count from 1, columns in code points, within the document's bounds. */
function toOffset(doc: Text, line: number, column: number): number {
  const { from, text } = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return from + [...text].slice(0, column - 1).join("").length;
}
