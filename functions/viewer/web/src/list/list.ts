// GET /: the dashboards there are.
import "../styles/list.css";
import { get } from "../api";
import { byId, h, replace } from "../dom";
import { formatAgo, formatBytes, formatDollars, formatMoment, plural } from "../format";
import { announce, openPage, runPage, showError, showState } from "../page";

interface Summary {
  slug: string;
  title: string;
  description: string;
  owner: string;
  tags: string[];
  current_version: number;
  schedule: string | null;
  time_zone: string;
  as_of: string | null;
  checked_at: string | null;
  stale: boolean;
  last_refresh_status: "succeeded" | "failed" | null;
  last_bytes_billed: number | null;
  last_usd_billed: string | null;
}

interface Page {
  page: number;
  page_size: number;
  total: number;
  results: Summary[];
  /** What there is to choose from, in all dashboards. */
  tags: string[];
  owners: string[];
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
    h(
      "div",
      { class: "list-head" },
      h("h1", {}, "Dashboards"),
      h("div", { class: "narrowing" }, drawSearch(), h("div", { id: "filters", class: "filters" })),
      mayChange && h("a", { class: "button", href: "/edit/new" }, "New dashboard"),
    ),
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
  drawFilters(page);
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

function drawFilters(page: Page): void {
  const choices: [string, string, string[]][] = [
    ["tag", "All tags", page.tags],
    ["owner", "All owners", page.owners],
  ];
  replace(byId("filters"), ...choices.flatMap(([name, all, values]) => drawChoice(name, all, values)));
}

/** A select of one filter; none where there is nothing to choose. */
function drawChoice(name: string, all: string, values: string[]): HTMLElement[] {
  const chosen = readFilters().get(name) ?? "";
  if (values.length < 2 && !chosen) return [];
  const offered = chosen && !values.includes(chosen) ? [chosen, ...values] : values;
  const options = offered.map((value) => h("option", { value, selected: value === chosen }, value));
  const select = h("select", { name, "aria-label": `Filter by ${name}`, onchange: () => setFilter(name, select.value) }, h("option", { value: "" }, all), ...options);
  return [select];
}

function drawCard(one: Summary): HTMLElement {
  const tags = one.tags.map((tag) =>
    h("button", { class: "chip", "aria-label": `Only the tag ${tag}`, onclick: () => setFilter("tag", tag) }, tag),
  );
  return h(
    "li",
    { class: "card" },
    h("div", { class: "card-head" }, h("h2", {}, h("a", { href: `/view/${encodeURIComponent(one.slug)}` }, one.title)), drawBadge(one)),
    h("p", { class: "muted" }, one.description || one.slug),
    h("p", { class: "chips" }, ...tags),
    h("dl", { class: "facts" }, ...drawFacts(one)),
  );
}

/** What is wrong with how fresh it is; nothing when nothing is. */
function drawBadge(one: Summary): HTMLElement | null {
  if (one.last_refresh_status === "failed") return h("span", { class: "badge bad" }, "refresh failed");
  return one.stale ? h("span", { class: "badge warn" }, "stale") : null;
}

function drawFacts(one: Summary): HTMLElement[] {
  const owner = h("button", { class: "link", onclick: () => setFilter("owner", one.owner) }, one.owner);
  const facts: [string, Node | string][] = [
    ["Owner", one.owner ? owner : "–"],
    ["Data as of", one.as_of ? drawTime(one.as_of) : "not computed yet"],
    ["Checked", one.checked_at ? drawTime(one.checked_at) : "–"],
    ["Last cost", describeCost(one)],
  ];
  return facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

function drawTime(moment: string): HTMLElement {
  return h("time", { datetime: moment, title: formatMoment(moment) }, formatAgo(moment));
}

function describeCost({ last_bytes_billed, last_usd_billed }: Summary): string {
  if (last_bytes_billed === null || last_usd_billed === null) return "–";
  return `${formatDollars(last_usd_billed)} · ${formatBytes(last_bytes_billed)}`;
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
