// One tab per file of the dashboard: the YAML, and the SQL files that it names.
import { h, replace } from "../dom";

export function drawTabs(parent: HTMLElement, names: string[], shown: string, choose: (name: string) => void): void {
  const tabs = names.map((name) =>
    h("button", { role: "tab", "aria-selected": name === shown ? "true" : "false", "aria-controls": "code", tabindex: name === shown ? 0 : -1, onclick: () => choose(name) }, name),
  );
  replace(parent, ...tabs);
  parent.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step && names[(names.indexOf(shown) + step + names.length) % names.length];
    if (!next) return;
    choose(next);
    parent.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
  };
}
