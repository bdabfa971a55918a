// GET /view/{slug}: one dashboard, drawn from its payload.
import "../styles/view.css";
import { ApiError, get, getSession } from "../api";
import { drawChart, followWidth, redrawAll, type DrawnCell } from "./charts";
import { readSlug } from "../address";
import { drawControls, findDisorder, findUnlisted, readParameters, writeChosenZone, writeParameters } from "./parameters";
import type { Detail, ParameterDefinition } from "../detail";
import { byId, h, replace } from "../dom";
import { formatAgo, formatMoment } from "../format";
import { announce, openPage, runPage, showError, showState } from "../page";
import { fetchPayload, type Payload } from "../payload";
import { fillRow, findOdd } from "./row_widths";
import { startRefresh } from "./refresh";
import { chooseZone, drawZoneChoice } from "./zone_choice";

const slug = readSlug();
let definitions: ParameterDefinition[] = [];
let newest = 0;
let shown: Payload | null = null;
let saved: Promise<Detail>;
let lastProblem: string | null = null;

/** An answer may be repeated for seconds by what lies between, and once more by who fetches the next; then the refresh shows. */
const LOOK_AGAIN_AFTER_MILLISECONDS = [0, 1500, 1500, 1000, 2000];

runPage(async () => {
  const session = openPage();
  saved = get<Detail>(`/dashboards/${slug}`);
  replace(byId("main"), drawFrame());
  window.addEventListener("popstate", () => void load());
  document.addEventListener("themechange", () => void redrawAll());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => void redrawAll());
  followWidth();
  saved.then(showControls, () => undefined);
  await load();
  await session;
});

function drawFrame(): DocumentFragment {
  const frame = document.createDocumentFragment();
  frame.append(
    h("div", { id: "head", class: "view-head" }),
    h("div", { id: "controls", class: "controls", role: "group", "aria-label": "Parameters" }),
    h("div", { id: "refusal" }),
    h("div", { id: "progress", "aria-live": "polite" }),
    h("div", { class: "boards" }, h("div", { id: "board", class: "board", "aria-busy": "true" }, ...drawSkeleton())),
  );
  return frame;
}

function drawSkeleton(): HTMLElement[] {
  return [1, 2, 3, 4].map((n) => h("div", { class: `cell skeleton ${n > 2 ? "tall" : ""}`, "aria-hidden": "true" }));
}

function showControls(detail: Detail): void {
  definitions = detail.definition?.parameters ?? [];
  drawChoices();
}

function drawChoices(): void {
  const zone = shown && drawZoneChoice(shown, switchZone);
  replace(byId("controls"), ...drawControls(definitions, readParameters(), switchVariant), zone);
}

function switchVariant(name: string, values: string[]): void {
  const address = writeParameters(name, values, definitions);
  const disorder = findDisorder(address, definitions);
  replace(byId("refusal"), disorder && h("p", { class: "note warn", role: "alert" }, disorder));
  if (disorder) return;
  history.pushState(null, "", address);
  void load();
}

/** The same rows with other clocks: nothing is fetched. */
function switchZone(zone: string | null): void {
  history.pushState(null, "", writeChosenZone(zone));
  if (shown) void draw(shown);
}

/** Fetch the variant that the address names and draw it; an answer that comes late is dropped. */
async function load(): Promise<void> {
  const turn = ++newest;
  const board = byId("board");
  board.setAttribute("aria-busy", "true");
  const query = readParameters().toString();
  try {
    const payload = await fetchPayload(`/data/${slug}${query && `?${query}`}`);
    if (turn === newest) await draw(payload, turn);
  } catch (error) {
    if (turn === newest) await showProblem(error);
  } finally {
    if (turn === newest) board.removeAttribute("aria-busy");
  }
}

async function draw(payload: Payload, turn = newest): Promise<void> {
  document.title = `${payload.title} · Almanac`;
  shown = payload;
  chooseZone(payload);
  replace(byId("head"), ...(await drawHead(payload)));
  replace(byId("refusal"));
  byId("board").classList.remove("former");
  drawChoices();
  const made = payload.layout.flatMap((row) => drawRow(payload, row));
  await paintBehind(made, turn);
  announce(`${payload.title} is drawn`);
  performance.mark("charts-painted");
}

/** Paint the cells; what is there stays to be seen, greyed, until all of them are. */
async function paintBehind(made: DrawnCell[], turn: number): Promise<void> {
  const board = byId("board");
  const isFirst = !board.querySelector("[data-chart]");
  const next = isFirst ? board : h("div", { class: "board behind", "aria-hidden": "true" });
  replace(next, ...made.map(({ element }) => element));
  if (!isFirst) board.before(next);
  try {
    await Promise.all(made.filter((one) => one.setsHeight).map((one) => one.paint()));
    await Promise.all(made.filter((one) => !one.setsHeight).map((one) => one.paint()));
    await Promise.all(made.map((one) => one.fill()));
    if (!isFirst && turn === newest) board.replaceChildren(...next.children);
  } finally {
    if (!isFirst) next.remove();
  }
}

function drawRow(payload: Payload, row: Payload["layout"][number]): DrawnCell[] {
  const found = row.flatMap(({ chart: id, width }) => {
    const chart = payload.charts.find((one) => one.id === id);
    const data = chart && payload.queries[chart.query];
    return chart && data ? [{ slug, chart, data, width, parameters: payload.parameters }] : [];
  });
  const besideHigher = found.some(({ chart }) => chart.spec.type !== "metric");
  const odd = findOdd(found);
  return fillRow(found).map((cell, index) => drawChart({ ...cell, besideHigher, isOdd: odd[index] ?? false }));
}

async function drawHead(payload: Payload): Promise<HTMLElement[]> {
  const session = await getSession();
  const mayChange = session.role !== "viewer";
  const row = h(
    "div",
    { class: "title-row" },
    h("div", {}, h("h1", {}, payload.title), payload.description && h("p", { class: "muted" }, payload.description)),
    h(
      "div",
      { class: "actions" },
      ...drawFreshness(payload),
      h("a", { class: "button", href: `/view/${slug}/lineage` }, "Lineage"),
      mayChange && h("a", { class: "button", href: `/edit/${slug}` }, "Edit"),
      mayChange && h("button", { class: "button primary", id: "refresh", onclick: refresh }, "Refresh"),
    ),
  );
  // A line of its own rather than a title: a finger and a keyboard can read it too.
  return payload.stale ? [row, h("p", { id: "stale-reason", class: "note warn" }, explainStale(payload))] : [row];
}

function drawFreshness(payload: Payload): HTMLElement[] {
  const asOf = h(
    "span",
    { class: "as-of", title: `Checked ${formatMoment(payload.checked_at)}` },
    "as of ",
    h("time", { datetime: payload.as_of }, formatMoment(payload.as_of)),
    ` (${formatAgo(payload.as_of)})`,
  );
  return payload.stale ? [asOf, h("span", { class: "badge warn", "aria-describedby": "stale-reason" }, "stale")] : [asOf];
}

function explainStale(payload: Payload): string {
  const reasons = [...new Set(Object.values(payload.queries).flatMap((one) => (one.refresh_error ? [one.refresh_error.message] : [])))];
  return reasons.length ? `The last refresh failed: ${reasons.join(" ")}` : "Nobody has checked for newer data in time.";
}

async function refresh(): Promise<void> {
  const button = document.getElementById("refresh");
  button?.setAttribute("disabled", "");
  const parameters = findUnlisted(definitions);
  const end = await startRefresh(parameters ? { slug, parameters } : { slugs: [slug] }, byId("progress"));
  lastProblem = end.problem;
  button?.removeAttribute("disabled");
  const before = describeState(shown);
  for (const wait of LOOK_AGAIN_AFTER_MILLISECONDS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    await load();
    if (describeState(shown) !== before) return;
  }
}

/** Differs once a refresh has shown: it was checked anew, or failed. */
function describeState(payload: Payload | null): string {
  return payload ? `${payload.version} ${payload.checked_at} ${payload.stale}` : "";
}

async function showProblem(error: unknown): Promise<void> {
  const board = byId("board");
  replace(byId("refusal"));
  // What was chosen before still stands there; it is not what was asked for now.
  if (error instanceof ApiError && error.problem.code === "PAYLOAD_NOT_READY" && board.querySelector("[data-chart]")) return showMissing(error);
  replace(byId("head"));
  board.classList.remove("former");
  if (!(error instanceof ApiError)) return showError(board, error);
  if (error.problem.code !== "PAYLOAD_NOT_READY") return showError(board, error);
  await showNotReady(board, error);
  await showLastProblem(board);
}

/** Why there is nothing, when somebody has tried: just now, or before this page was opened. */
async function showLastProblem(board: HTMLElement): Promise<void> {
  const problem = lastProblem ?? (await saved.catch(() => null))?.last_refresh_error?.message;
  if (problem) board.querySelector(".state .muted")?.after(h("p", { class: "problem" }, `The last attempt failed: ${problem}`));
}

/** The variant of before, greyed, and above it what to do for the one that was chosen. */
async function showMissing(error: ApiError): Promise<void> {
  const notice = h("div", { class: "panel" });
  document.getElementById("refresh")?.remove();
  drawChoices();
  await showNotReady(notice, error);
  await showLastProblem(notice);
  replace(byId("refusal"), notice);
  byId("board").classList.add("former");
}

async function showNotReady(board: HTMLElement, error: ApiError): Promise<void> {
  const { role } = await getSession();
  await saved.catch(() => null);
  // Its author left it to everybody to ask for values that are not listed.
  if (role === "viewer" && !findUnlisted(definitions)) {
    return showState(board, "Not computed yet", "An editor, or the next scheduled refresh, will compute it.");
  }
  const button = h("button", { class: "button primary", id: "refresh", onclick: refresh }, "Compute now");
  showState(board, "Not computed yet", error.message, button);
}

