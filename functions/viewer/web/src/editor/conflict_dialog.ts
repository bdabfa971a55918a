// Somebody else saved first, or changed the file outside: both sides, beside each other, and nothing is lost.
import { MergeView } from "@codemirror/merge";
import { yaml } from "@codemirror/lang-yaml";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { describeError, type ApiError } from "../api";
import { openDialog } from "../dialog";
import { h } from "../dom";
import { isDark } from "../page";
import { openShadow } from "./code_editor";
import { CODE_THEME } from "./code_theme";
import type { Draft } from "./draft";
import { saveDraft } from "./save_dialog";

interface Overtaken {
  current_version: number;
  current_author: string | null;
  current_yaml: string | null;
  current_files: Record<string, string>;
}

interface ChangedOutside {
  path: string;
  version: number;
  outside: string;
}

interface Sides {
  title: string;
  /** What the service holds, by file, where it differs from ours or may. */
  theirs: Record<string, string>;
  version: number;
  /** Files changed outside become a version of their own before anything goes on top of them. */
  outside: boolean;
}

/** Both sides of a refused save; `main` is the name of the YAML file. */
export interface Conflict {
  error: ApiError;
  mine: Draft;
  saved: Draft;
  main: string;
  /** Go on with these texts, on top of that version. */
  onMerged: (draft: Draft) => void;
}

export function openConflictDialog({ error, mine, saved, main, onMerged }: Conflict): void {
  const sides = findSides(error, mine, main);
  const ours: Record<string, string> = { ...mine.files, [main]: mine.yaml };
  const names = Object.keys(sides.theirs).filter((name) => sides.theirs[name] !== ours[name]);
  const hosts = new Map(names.map((name) => [name, h("div", { class: "merge" })]));
  const trouble = h("p", { role: "alert" }, describeError(error));
  const use = h("button", { class: "button primary", type: "button" }, sides.outside ? "Save what is there, then go on with the right side" : "Go on with the right side");
  const form = h("form", { method: "dialog" }, h("button", { class: "button" }, "Close"), " ", use);
  const columns = h("p", { class: "sides" }, h("b", {}, sides.outside ? "In the store" : "Saved"), h("b", {}, "Yours, to be edited"));
  const dialog = openDialog(sides.title, trouble, ...[...hosts].flatMap(([name, host]) => [h("h3", {}, name), columns.cloneNode(true), host]), form);
  const views = new Map([...hosts].map(([name, host]) => [name, openMerge(host, sides.theirs[name] ?? "", ours[name] ?? "")]));
  dialog.addEventListener("close", () => views.forEach((view) => view.destroy()));
  use.addEventListener("click", async () => {
    const merged = { ...ours };
    for (const [name, view] of views) merged[name] = view.b.state.doc.toString();
    const { [main]: yamlText = "", ...files } = merged;
    try {
      const version = sides.outside ? await saveOutside(sides, saved, main) : sides.version;
      onMerged({ yaml: yamlText, files, baseVersion: version });
      dialog.close();
    } catch (failure) {
      trouble.textContent = describeError(failure);
    }
  });
}

function findSides(error: ApiError, mine: Draft, main: string): Sides {
  const details = (error.problem.details ?? []) as Partial<Overtaken & ChangedOutside>[];
  const changed = details.filter((one): one is ChangedOutside => one.outside !== undefined);
  if (changed.length) {
    const nameOf = ({ path }: ChangedOutside) => Object.keys(mine.files).find((one) => path.endsWith(`/${one}`)) ?? main;
    const theirs = Object.fromEntries(changed.map((one) => [nameOf(one), one.outside]));
    return { title: "Changed outside", theirs, version: changed[0]?.version ?? mine.baseVersion, outside: true };
  }
  const [one = {}] = details as Partial<Overtaken>[];
  const theirs = one.current_yaml === null || one.current_yaml === undefined ? {} : { [main]: one.current_yaml, ...one.current_files };
  const who = one.current_author ? ` by ${one.current_author}` : "";
  return { title: `Version ${one.current_version ?? 0} was saved meanwhile${who}`, theirs, version: one.current_version ?? 0, outside: false };
}

async function saveOutside({ theirs, version }: Sides, saved: Draft, main: string): Promise<number> {
  const { [main]: yamlText = saved.yaml, ...files } = theirs;
  const kept = await saveDraft({ yaml: yamlText, files: { ...saved.files, ...files }, baseVersion: version }, "Changed outside", false);
  return kept.version;
}

function openMerge(host: HTMLElement, theirs: string, mine: string): MergeView {
  const root = openShadow(host);
  const shared = [lineNumbers(), yaml(), CODE_THEME, EditorView.lineWrapping, EditorView.darkTheme.of(isDark())];
  const label = (text: string) => EditorView.contentAttributes.of({ "aria-label": text });
  return new MergeView({
    a: { doc: theirs, extensions: [shared, label("What is saved"), EditorState.readOnly.of(true)] },
    b: { doc: mine, extensions: [shared, label("Your text")] },
    parent: root,
    root,
    revertControls: "a-to-b",
    collapseUnchanged: { margin: 3, minSize: 6 },
  });
}
