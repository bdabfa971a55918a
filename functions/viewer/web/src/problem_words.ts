// What a person reads and may do when the API refuses: its own remedies speak to programs.
import { ApiError } from "./api";
import { h } from "./dom";

interface Words {
  /** What to do, in place of the API's remediation. */
  advice?: string;
  /** Whether the same call may go better soon. */
  again?: boolean;
}

const WORDS: Record<string, Words> = {
  NOT_FOUND: { advice: "It may have been renamed or deleted, or the address has a typing error." },
  INVALID_REQUEST: { advice: "The address asks for something that this page does not offer." },
  FORBIDDEN: { advice: "Ask an administrator of this service for the role that may do this." },
  UNREACHABLE: { again: true },
  INVALID_ANSWER: { again: true },
  RATE_LIMITED: { advice: "Wait a minute, then try again.", again: true },
  BUDGET_EXCEEDED: { advice: "The budget begins anew tomorrow; an administrator can raise it." },
  DEPENDENCY_UNAVAILABLE: { advice: "A part of the service is not answering. That is usually over in a minute.", again: true },
  WAREHOUSE_UNAVAILABLE: { advice: "BigQuery is not answering. That is usually over in a few minutes.", again: true },
  WAREHOUSE_TIMEOUT: { advice: "BigQuery took too long.", again: true },
  INTERNAL_ERROR: { advice: "It is not your fault. When it stays, report it with the trace below.", again: true },
};

export interface Explanation {
  title: string;
  advice: string;
  trace: string | null;
  actions: HTMLElement[];
}

/** An error in words, with the ways on from it: the likeliest first. */
export function explainError(error: unknown): Explanation {
  const reload = h("button", { class: "button primary", onclick: () => location.reload() }, "Try again");
  if (!(error instanceof ApiError)) {
    return { title: "This page could not be drawn.", advice: "Reload it; report it when it stays.", trace: null, actions: [reload] };
  }
  const { code, message, remediation, trace_id } = error.problem;
  const { advice, again } = WORDS[code] ?? {};
  const all = h("a", { class: again ? "button" : "button primary", href: "/" }, "All dashboards");
  const elsewhere = location.pathname === "/" && !location.search ? [] : [all];
  const defaults = h("a", { class: "button primary", href: location.pathname }, "Open it as it is by default");
  const first = again ? [reload] : code === "INVALID_REQUEST" && location.search ? [defaults] : [];
  if (first.length) all.className = "button";
  return { title: message, advice: advice ?? remediation, trace: trace_id ?? null, actions: [...first, ...elsewhere] };
}
