// The syntax tree of Vega's parser: part of ESTree, whose leaves get their places here.

interface Placed {
  start?: number;
  end?: number;
}

export type Node = Placed &
  (
    | { type: "ArrayExpression"; elements: (Node | null)[] }
    | { type: "BinaryExpression" | "LogicalExpression"; operator: string; left: Node; right: Node }
    | { type: "CallExpression"; callee: Node; arguments: Node[] }
    | { type: "ConditionalExpression"; test: Node; consequent: Node; alternate: Node }
    | { type: "Identifier"; name: string }
    | { type: "Literal"; raw: string; value: unknown; regex?: { pattern: string; flags: string } }
    | { type: "MemberExpression"; object: Node; property: Node; computed: boolean }
    | { type: "ObjectExpression"; properties: Node[] }
    | { type: "Property"; key: Node; value: Node }
    | { type: "UnaryExpression"; operator: string; argument: Node }
  );
