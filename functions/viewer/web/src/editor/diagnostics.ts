// What POST /dashboards/validate and /dashboards/compile find wrong, and the list of it below the code.
import { h, replace } from "../dom";
import { plural } from "../format";

export interface Diagnostic {
  code: string;
  severity: string;
  message: string;
  remediation: string;
  path: string;
  line: number;
  column: number;
  end_line: number;
  end_column: number;
  edit: { line: number; column: number; end_line: number; end_column: number; new_text: string } | null;
}

/** The file of the editor that a finding is in: `main`, or the SQL file at the end of its path. */
export function findFile({ path }: Diagnostic, main: string, files: string[]): string {
  return files.find((name) => path === name || path.endsWith(`/${name}`)) ?? main;
}

/** Draw the findings; `reveal` shows one in the code. */
export function drawDiagnostics(parent: HTMLElement, found: Diagnostic[], reveal: (one: Diagnostic) => void): void {
  const errors = found.filter((one) => one.severity === "error").length;
  const title = found.length === 0 ? "Nothing is wrong" : [errors && plural(errors, "error"), found.length > errors && plural(found.length - errors, "hint")].filter(Boolean).join(", ");
  replace(
    parent,
    h("p", { class: found.length ? "findings-head" : "findings-head fine", role: "status" }, title),
    found.length > 0 && h("ol", { class: "findings" }, ...found.map((one) => drawOne(one, reveal))),
  );
}

function drawOne(one: Diagnostic, reveal: (one: Diagnostic) => void): HTMLElement {
  return h(
    "li",
    { class: one.severity },
    h("button", { class: "link", onclick: () => reveal(one) }, `${one.line}:${one.column}`),
    h("span", {}, `${one.message} `, h("span", { class: "muted" }, one.remediation)),
  );
}
