// GET /edit/{slug}: write a dashboard, see what it draws and costs, save it. /edit/new begins one.
import "../styles/view.css";
import "../styles/edit.css";
import { readSlug } from "../address";
import { get } from "../api";
import type { Detail } from "../detail";
import { byId, h, replace } from "../dom";
import { readDraft, type Draft } from "./draft";
import type { Saved } from "./save_dialog";
import type { Schema } from "./schema_walk";
import { TEMPLATE } from "./template";
import { Workbench } from "./workbench";
import { redrawAll } from "../board/charts";
import { announce, openPage, runPage, showState } from "../page";

const NEW = "new";

runPage(async () => {
  const slug = readSlug();
  const session = openPage();
  const schema = fetch("/schema/dashboard.json").then((answer) => answer.json() as Promise<Schema>);
  const detail = slug === NEW ? Promise.resolve({ yaml: TEMPLATE, files: {}, baseVersion: 0 }) : readSaved(slug);
  const [{ role, email }, saved] = await Promise.all([session, detail]);
  if (role === "viewer") return refuse(email);
  const draft = readDraft(slug);
  replace(byId("main"), drawFrame(slug, draft !== null));
  document.addEventListener("themechange", () => void redrawAll());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => void redrawAll());
  const workbench = new Workbench(slug === NEW ? null : slug, saved, draft, schema, showSaved);
  byId("save").addEventListener("click", () => void workbench.save());
  byId("revert").addEventListener("click", () => workbench.revert());
  await workbench.open();
});

async function readSaved(slug: string): Promise<Draft> {
  const { yaml, files, current_version } = await get<Detail>(`/dashboards/${encodeURIComponent(slug)}`);
  document.title = `${slug} · Editor · Almanac`;
  return { yaml, files, baseVersion: current_version };
}

function refuse(email: string): void {
  const all = h("a", { class: "button", href: "/" }, "All dashboards");
  showState(byId("main"), "Only editors change dashboards", `${email} may look at all of them. Ask an administrator for the role editor.`, all);
}

function drawFrame(slug: string, restored: boolean): HTMLElement {
  const view = slug !== NEW && h("a", { class: "button", id: "view", href: `/view/${slug}` }, "View");
  const head = h(
    "div",
    { class: "edit-head" },
    h("h1", {}, slug === NEW ? "New dashboard" : slug),
    h("span", { id: "state", class: "badge", role: "status" }, ""),
    h("span", { class: "grow" }),
    h("button", { class: "button", id: "revert", hidden: true }, "Undo all changes"),
    view,
    h("button", { class: "button primary", id: "save", title: "Ctrl+S or ⌘S" }, "Save…"),
  );
  const text = h(
    "section",
    { class: "text-side", "aria-label": "Text" },
    h("div", { id: "files", class: "tabs", role: "tablist", "aria-label": "Files" }),
    h("div", { id: "code", role: "tabpanel", "aria-label": "Code" }),
    h("p", { class: "muted small keys" }, "Ctrl+Space completes, F8 goes to the next finding, Esc then Tab leaves the text."),
    h("div", { id: "findings" }, h("p", { class: "muted small" }, "Checking…")),
  );
  const result = h(
    "section",
    { class: "result-side", "aria-label": "Result", tabindex: 0 },
    h("div", { id: "notice", role: "status" }, restored && h("p", { class: "panel" }, "Your changes from before are back; they are not saved yet.")),
    h("section", { class: "panel", "aria-labelledby": "plan-title" }, h("h2", { id: "plan-title" }, "Plan"), h("div", { id: "plan" }, h("p", { class: "muted small" }, "Planning…"))),
    h("h2", { class: "visually-hidden" }, "Preview"),
    h("p", { id: "preview-notice", class: "muted small" }),
    h("p", { id: "outdated", class: "badge warn", role: "status" }),
    h("div", { id: "board", class: "board" }),
  );
  const sides = h("div", { class: "sides-by-side" }, text, result);
  return h("div", { class: "edit" }, head, drawSides(sides), sides);
}

/** Where there is room for one side alone, buttons say which. */
function drawSides(sides: HTMLElement): HTMLElement {
  const show = (side: string) => {
    sides.dataset.side = side;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === side));
  };
  const buttons = ["Text", "Result"].map((side) => h("button", { class: "button", onclick: () => show(side) }, side));
  show("Text");
  return h("div", { class: "which-side", role: "group", "aria-label": "Shown side" }, ...buttons);
}

function showSaved(saved: Saved): void {
  if (readSlug() !== saved.slug) {
    history.replaceState(null, "", `/edit/${saved.slug}`);
    byId("main").querySelector("h1")?.replaceChildren(saved.slug);
  }
  const text = `Version ${saved.version} is saved. What is new in it is computed at the next refresh.`;
  replace(byId("notice"), h("p", { class: "panel" }, `${text} `, h("a", { href: `/view/${saved.slug}` }, "View and refresh it")));
  announce(text);
}
