// GET /: the dashboards there are.
import "./styles/list.css";
import { get } from "./api";
import { byId, h, replace } from "./dom";
import { formatAgo, formatBytes, formatMoment, plural } from "./format";
import { announce, openPage, runPage, showError, showState } from "./page";

interface Summary {
  slug: string;
  title: string;
  description: string;
  owner: string;
  tags: string[];
  current_version: number;
  schedule: string | null;
  time_zone: string;
  checked_at: string | null;
  last_bytes_billed: number | null;
}

interface Page {
  page: number;
  page_size: number;
  total: number;
  results: Summary[];
}

const PAGE_SIZE = 24;
const FILTERS = ["q", "tag", "owner"] as const;
let newest = 0;
let mayChange = false;

runPage(async () => {
  const { role } = await openPage();
  mayChange = role !== "viewer";
  replace(
    byId("main"),
    h("div", { class: "list-head" }, h("h1", {}, "Dashboards"), drawSearch(), mayChange && h("a", { class: "button", href: "/edit/new" }, "New dashboard")),
    h("div", { id: "filters", class: "filters" }),
    h("div", { id: "results", "aria-busy": "true" }, drawSkeleton()),
  );
  window.addEventListener("popstate", () => void load());
  await load();
});

function drawSearch(): HTMLElement {
  let timer: number | undefined;
  const input = h("input", {
    type: "search",
    name: "q",
    placeholder: "Search title, slug, description",
    "aria-label": "Search dashboards",
    value: readFilters().get("q") ?? "",
    oninput: () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => setFilter("q", input.value), 200);
    },
  });
  return h("form", { role: "search", onsubmit: (event: Event) => event.preventDefault() }, input);
}

function readFilters(): URLSearchParams {
  return new URLSearchParams(location.search);
}

function setFilter(name: string, value: string): void {
  const filters = readFilters();
  if (value) filters.set(name, value);
  else filters.delete(name);
  if (name !== "page") filters.delete("page");
  const query = filters.toString();
  history.replaceState(null, "", query ? `/?${query}` : "/");
  void load();
}

async function load(): Promise<void> {
  const turn = ++newest;
  const results = byId("results");
  const query = readFilters();
  query.set("page_size", String(PAGE_SIZE));
  try {
    const page = await get<Page>(`/dashboards?${query}`);
    if (turn === newest) draw(results, page);
  } catch (error) {
    if (turn === newest) showError(results, error);
  } finally {
    results.removeAttribute("aria-busy");
  }
}

function draw(results: HTMLElement, page: Page): void {
  drawFilters();
  announce(plural(page.total, "dashboard"));
  if (page.total === 0) return drawEmpty(results);
  replace(results, h("ul", { class: "cards" }, ...page.results.map(drawCard)), drawPager(page));
}

function drawEmpty(results: HTMLElement): void {
  if (FILTERS.some((name) => readFilters().has(name))) {
    const clear = h("a", { class: "button", href: "/" }, "Show all");
    showState(results, "Nothing matches", "No dashboard fits the search and the filters.", clear);
    return;
  }
  const next = mayChange ? h("a", { class: "button primary", href: "/edit/new" }, "Write one") : h("a", { class: "button", href: "/docs" }, "How to save one");
  showState(results, "No dashboards yet", "A dashboard is one YAML file, saved here or with POST /dashboards/save.", next);
}

function drawFilters(): void {
  const filters = readFilters();
  const chips = ["tag", "owner"].flatMap((name) => {
    const value = filters.get(name);
    if (!value) return [];
    const label = `Remove the filter ${name} ${value}`;
    return [h("button", { class: "chip on", "aria-label": label, onclick: () => setFilter(name, "") }, `${name}: ${value} ×`)];
  });
  replace(byId("filters"), ...chips);
}

function drawCard(one: Summary): HTMLElement {
  const tags = one.tags.map((tag) =>
    h("button", { class: "chip", "aria-label": `Only the tag ${tag}`, onclick: () => setFilter("tag", tag) }, tag),
  );
  return h(
    "li",
    { class: "card" },
    h("h2", {}, h("a", { href: `/view/${encodeURIComponent(one.slug)}` }, one.title)),
    h("p", { class: "muted" }, one.description || one.slug),
    h("p", { class: "chips" }, ...tags),
    h("dl", { class: "facts" }, ...drawFacts(one)),
  );
}

function drawFacts(one: Summary): HTMLElement[] {
  const owner = h("button", { class: "link", onclick: () => setFilter("owner", one.owner) }, one.owner);
  const checked = one.checked_at
    ? h("time", { datetime: one.checked_at, title: formatMoment(one.checked_at) }, formatAgo(one.checked_at))
    : "not computed yet";
  const facts: [string, Node | string][] = [
    ["Owner", one.owner ? owner : "–"],
    ["Checked", checked],
    ["Last cost", one.last_bytes_billed === null ? "–" : formatBytes(one.last_bytes_billed)],
  ];
  return facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

function drawPager(page: Page): HTMLElement | null {
  const pages = Math.ceil(page.total / page.page_size);
  if (pages < 2) return null;
  const go = (text: string, number: number) =>
    h("button", { class: "button", disabled: number < 1 || number > pages, onclick: () => setFilter("page", String(number)) }, text);
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    go("Previous", page.page - 1),
    h("span", {}, `Page ${page.page} of ${pages}`),
    go("Next", page.page + 1),
  );
}

function drawSkeleton(): HTMLElement {
  return h("ul", { class: "cards" }, ...[1, 2, 3].map(() => h("li", { class: "card skeleton", "aria-hidden": "true" })));
}
