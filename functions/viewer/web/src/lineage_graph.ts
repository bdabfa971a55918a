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
  const paths = graph.edges.map((edge) => drawPath(boxes.get(edge.source), boxes.get(edge.target)));
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

function measure(node: LineageNode): number {
  const width = node.name.length * CHARACTER_WIDTH + NODE_PADDING;
  return Math.min(Math.max(width, NODE_LIMITS[0]), NODE_LIMITS[1]);
}

function drawPath(from: Box | undefined, to: Box | undefined): string {
  if (!from || !to) return "";
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2];
  const [x2, y2] = [to.x - 6, to.y + to.height / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
}
