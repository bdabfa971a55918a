// A graph laid out from left to right, and what lies up- and downstream of a node.
import dagre from "@dagrejs/dagre";

export interface LineageNode {
  id: string;
  type: string;
  name: string;
  attributes: Record<string, unknown>;
}

export interface LineageEdge {
  source: string;
  target: string;
  type: string;
  origin: string;
  confidence: string;
}

export interface Graph {
  nodes: LineageNode[];
  edges: LineageEdge[];
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Point {
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  boxes: Map<string, Box>;
  /** One SVG path per edge of the graph, in its order. */
  paths: string[];
}

export const NODE_HEIGHT = 40;
const CHARACTER_WIDTH = 7.2;
const NODE_PADDING = 28;
const NODE_LIMITS: [number, number] = [90, 260];
const MARGIN = 20;
const ARROW = 6;
/** How far from a rank lines are straight, so that an arrow points the way of its line. */
const CLEARANCE = 14;

export function layOut(graph: Graph): Layout {
  const plan = new dagre.graphlib.Graph({ multigraph: true });
  plan.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 70, marginx: MARGIN, marginy: MARGIN });
  plan.setDefaultEdgeLabel(() => ({}));
  for (const node of graph.nodes) plan.setNode(node.id, { width: measure(node), height: NODE_HEIGHT });
  graph.edges.forEach((edge, index) => plan.setEdge(edge.source, edge.target, {}, String(index)));
  dagre.layout(plan);
  const boxes = new Map<string, Box>();
  for (const node of graph.nodes) {
    const { x, y, width, height } = plan.node(node.id) as Box;
    boxes.set(node.id, { x: x - width / 2, y: y - height / 2, width, height });
  }
  const ranks = measureRanks([...boxes.values()]);
  const paths = graph.edges.map(({ source, target }, index) => {
    const { points } = plan.edge(source, target, String(index)) as { points: Point[] };
    return drawPath(boxes.get(source), boxes.get(target), points.slice(1, -1), ranks);
  });
  const { width = 0, height = 0 } = plan.graph() as { width?: number; height?: number };
  return { width, height, boxes, paths };
}

/** Everything that `start` is made of and everything made of it, itself included. */
export function findReach(graph: Graph, start: string): Set<string> {
  const up = walk(graph, start, (edge) => [edge.target, edge.source]);
  const down = walk(graph, start, (edge) => [edge.source, edge.target]);
  return new Set([...up, ...down]);
}

function walk(graph: Graph, start: string, step: (edge: LineageEdge) => [string, string]): Set<string> {
  const next = new Map<string, string[]>();
  for (const edge of graph.edges) {
    const [from, to] = step(edge);
    next.set(from, [...(next.get(from) ?? []), to]);
  }
  const seen = new Set([start]);
  const waiting = [start];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const id of next.get(at) ?? []) {
      if (seen.has(id)) continue;
      seen.add(id);
      waiting.push(id);
    }
  }
  return seen;
}

/** What a node is called: a column with the table or query that it belongs to. */
export function nameNode({ type, name, attributes }: LineageNode): string {
  if (type !== "column") return name;
  const owner = String(attributes.table ?? attributes.query ?? "");
  return [owner.slice(owner.lastIndexOf(".") + 1), name].filter(Boolean).join(".");
}

/** The graph as it is drawn: one line for everything between two nodes, none between owners whose columns say the same. */
export function simplify(graph: Graph): Graph {
  return mergeParallel(dropImplied(graph));
}

function mergeParallel(graph: Graph): Graph {
  const lines = new Map<string, LineageEdge>();
  for (const edge of graph.edges) {
    const key = `${edge.source} ${edge.target}`;
    const line = lines.get(key);
    if (!line) lines.set(key, { ...edge });
    else {
      line.type = [...new Set([...line.type.split(", "), edge.type])].join(", ");
      line.origin = [...new Set([...line.origin.split(", "), edge.origin])].join(", ");
      if (edge.confidence === "exact") line.confidence = "exact";
    }
  }
  return { nodes: graph.nodes, edges: [...lines.values()] };
}

/** A table's line to a query, and a query's to a chart, is told by their columns where these are known. */
function dropImplied(graph: Graph): Graph {
  const owner = (id: string) => id.split("#", 1)[0];
  const told = new Set(graph.edges.filter(({ source }) => source.includes("#")).map(({ source, target }) => `${owner(source)} ${owner(target)}`));
  const edges = graph.edges.filter(({ type, source, target }) => !["reads", "feeds"].includes(type) || !told.has(`${source} ${target}`));
  return { nodes: graph.nodes, edges };
}

function measure(node: LineageNode): number {
  const width = nameNode(node).length * CHARACTER_WIDTH + NODE_PADDING;
  return Math.min(Math.max(width, NODE_LIMITS[0]), NODE_LIMITS[1]);
}

/** Half the width of the widest box of each rank, by the middle that the boxes of a rank share. */
function measureRanks(boxes: Box[]): Map<number, number> {
  const ranks = new Map<number, number>();
  for (const { x, width } of boxes) {
    const middle = Math.round(x + width / 2);
    ranks.set(middle, Math.max(ranks.get(middle) ?? 0, width / 2));
  }
  return ranks;
}

/** A line that bends between ranks alone, where no box is; `via` are the gaps that dagre kept free in the ranks it crosses. */
function drawPath(from: Box | undefined, to: Box | undefined, via: Point[], ranks: Map<number, number>): string {
  if (!from || !to) return "";
  const [start, end] = [from, to].map(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 })) as [Point, Point];
  const [[, right], ...rest] = [start, ...via, end].map(({ x, y }) => {
    const rank = ranks.get(Math.round(x));
    const half = rank === undefined ? 0 : rank + CLEARANCE;
    return [{ x: x - half, y }, { x: x + half, y }] as [Point, Point];
  }) as [[Point, Point], ...[Point, Point][]];
  let path = `M${from.x + from.width},${start.y} H${right.x}`;
  let at = right;
  for (const [left, next] of rest) {
    const bend = (at.x + left.x) / 2;
    path += ` C${bend},${at.y} ${bend},${left.y} ${left.x},${left.y}`;
    if (next !== rest.at(-1)?.[1]) path += ` H${next.x}`;
    at = next;
  }
  return `${path} H${to.x - ARROW}`;
}
