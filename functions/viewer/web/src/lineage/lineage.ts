// GET /view/{slug}/lineage: what feeds a dashboard, drawn; a click shows what lies up- and downstream.
import "../styles/lineage.css";
import { readSlug } from "../address";
import { describeError, get } from "../api";
import { byId, h, replace, svg } from "../dom";
import { plural } from "../format";
import { findReach, layOut, nameNode, NODE_HEIGHT, simplify, type Graph, type Layout, type LineageNode } from "./lineage_graph";
import { Zoom } from "./lineage_zoom";
import { announce, openPage, runPage, showState } from "../page";

type Level = "table" | "column";

const slug = readSlug();
const LABEL_CHARACTERS = 32;
const READERS = 20;
let graph: Graph = { nodes: [], edges: [] };
let focus: string | null = null;

runPage(async () => {
  const session = openPage();
  document.title = `Lineage of ${slug} · Almanac`;
  await load(new URLSearchParams(location.search).get("level") === "column" ? "column" : "table");
  await session;
});

async function load(level: Level): Promise<void> {
  graph = simplify(await get<Graph>(`/lineage/${slug}?level=${level}`));
  if (graph.nodes.length === 0) {
    return showState(byId("main"), "No lineage yet", "It is read from the SQL at the next save.", back());
  }
  focus = findWanted();
  const layout = layOut(graph);
  const drawing = drawGraph(layout);
  const canvas = h("div", { class: "canvas", tabindex: 0, role: "region", "aria-label": "Lineage graph" }, drawing);
  const zoom = new Zoom(canvas, drawing, layout);
  replace(
    byId("main"),
    h(
      "div",
      { class: "lineage-head" },
      h("h1", {}, "Lineage of ", h("a", { href: `/view/${slug}` }, slug)),
      h("div", { class: "group" }, drawLevel(level), zoom.drawButtons(), h("button", { class: "button", onclick: () => setFocus(null) }, "Show all"), back()),
    ),
    h("p", { class: "muted small" }, `${plural(graph.nodes.length, "node")}, ${plural(graph.edges.length, "edge")}. Choose one to see what lies up- and downstream; dashed edges are inferred.`),
    canvas,
    h("section", { id: "details", class: "details", "aria-live": "polite" }),
  );
  setFocus(focus);
  const first = [...layout.boxes.values()].sort((one, other) => one.x - other.x)[0];
  zoom.open(focus === null ? first : layout.boxes.get(focus));
}

function drawLevel(level: Level): HTMLElement {
  const select = h("select", { onchange: () => switchLevel(select.value as Level) });
  for (const one of ["table", "column"]) select.append(h("option", { value: one, selected: one === level }, `${one}s`));
  return h("label", { class: "group" }, "Level", select);
}

function switchLevel(level: Level): void {
  writeAddress({ level: level === "table" ? null : level });
  runPage(() => load(level));
}

function back(): HTMLElement {
  return h("a", { class: "button", href: `/view/${slug}` }, "Back to the dashboard");
}

/** What is looked at stands in the address: it can be linked, and outlives a change of level. */
function writeAddress(changes: Record<string, string | null>): void {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  history.replaceState(null, "", address);
}

/** The node that the address names by its id, a chart by the end of its id; of a column that is not drawn its owner. */
function findWanted(): string | null {
  const wanted = new URLSearchParams(location.search).get("focus");
  if (!wanted) return null;
  const ids = [wanted, `chart:${slug}/${wanted}`, wanted.split("#", 1)[0]];
  return ids.find((id) => graph.nodes.some((node) => node.id === id)) ?? null;
}

function drawGraph({ width, height, boxes, paths }: Layout): SVGElement {
  const head = svg("marker", { id: "head", viewBox: "0 0 8 8", refX: 6, refY: 4, markerUnits: "userSpaceOnUse", markerWidth: 9, markerHeight: 9, orient: "auto" }, svg("path", { class: "arrow-head", d: "M0,0L8,4L0,8z" }));
  const edges = graph.edges.map((edge, index) =>
    svg("path", { class: `edge ${edge.confidence}`, d: paths[index] ?? "", "marker-end": "url(#head)" }, svg("title", {}, `${edge.type} (${edge.origin})`)),
  );
  const nodes = graph.nodes.flatMap((node) => {
    const box = boxes.get(node.id);
    return box ? [drawNode(node, box.x, box.y, box.width)] : [];
  });
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Lineage" }, svg("defs", {}, head), ...edges, ...nodes);
}

function drawNode(node: LineageNode, x: number, y: number, width: number): SVGElement {
  const choose = () => setFocus(focus === node.id ? null : node.id);
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose();
  };
  return svg(
    "g",
    { class: `node ${node.type}`, "data-id": node.id, transform: `translate(${x},${y})`, tabindex: 0, role: "button", "aria-label": `${node.type} ${nameNode(node)}`, onclick: choose, onkeydown: onKey },
    svg("rect", { width, height: NODE_HEIGHT }),
    svg("text", { class: "kind", x: 12, y: 15 }, node.type),
    svg("text", { x: 12, y: 31 }, shorten(node)),
    svg("title", {}, node.id),
  );
}

/** A table or column is known by the end of its name, a title by its beginning. */
function shorten(node: LineageNode): string {
  const name = nameNode(node);
  if (name.length <= LABEL_CHARACTERS) return name;
  return node.type === "table" || node.type === "column" ? `…${name.slice(1 - LABEL_CHARACTERS)}` : `${name.slice(0, LABEL_CHARACTERS - 1)}…`;
}

function setFocus(id: string | null): void {
  focus = id;
  writeAddress({ focus: id });
  const reach = id === null ? null : findReach(graph, id);
  for (const element of document.querySelectorAll<SVGElement>(".node")) {
    const own = element.dataset.id ?? "";
    element.classList.toggle("faded", reach !== null && !reach.has(own));
    element.classList.toggle("focus", own === id);
    element.setAttribute("aria-pressed", String(own === id));
  }
  document.querySelectorAll(".edge").forEach((element, index) => {
    const edge = graph.edges[index];
    const lit = reach !== null && edge !== undefined && reach.has(edge.source) && reach.has(edge.target);
    element.classList.toggle("faded", reach !== null && !lit);
    element.classList.toggle("lit", lit);
  });
  drawDetails(graph.nodes.find((node) => node.id === id));
  if (reach) announce(`${plural(reach.size - 1, "node")} up- and downstream`);
}

interface Readers extends Graph {
  total: number;
}

/** The dashboards that read a table, a page at a time: there may be a thousand of them. */
function drawReaders(table: string): HTMLElement {
  const list = h("ul");
  const state = h("p", { class: "muted small", role: "status" }, "Looking for the dashboards that read it…");
  let page = 0;
  const more = h("button", { class: "button", hidden: true, onclick: () => void loadMore() }, "Show more");
  const loadMore = async () => {
    more.hidden = true;
    try {
      const asked = new URLSearchParams({ table, page: String(page + 1), page_size: String(READERS) });
      const { nodes, total } = await get<Readers>(`/lineage?${asked}`);
      page += 1;
      for (const { type, name, attributes } of nodes) {
        if (type === "dashboard") list.append(h("li", {}, h("a", { href: `/view/${String(attributes.slug)}/lineage` }, name)));
      }
      const shown = Math.min(page * READERS, total);
      replace(state, `${plural(total, "dashboard")} ${total === 1 ? "reads" : "read"} it${shown < total ? `; the first ${shown}, by slug:` : ":"}`);
      more.hidden = shown >= total;
    } catch (error) {
      replace(state, describeError(error));
      more.hidden = false;
    }
  };
  void loadMore();
  return h("div", {}, state, list, more);
}

function drawDetails(node: LineageNode | undefined): void {
  if (!node) return replace(byId("details"));
  const facts = Object.entries({ id: node.id, ...node.attributes }).filter(([, value]) => value !== null && value !== "");
  replace(
    byId("details"),
    h("div", { class: "card" }, h("h2", {}, `${node.type} ${nameNode(node)}`), h("dl", {}, ...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))])), node.type === "table" ? drawReaders(node.name) : null),
  );
}
