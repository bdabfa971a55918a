"""Golden cases: each file of `golden/` holds a dashboard and the graph it must give.

After a wanted change run `python -m tests.lineage.golden_cases`, which writes the graphs anew, and read the
difference line by line.
"""

import json
from pathlib import Path
from typing import Any

from shared.lineage.extraction import extract_lineage
from shared.lineage.model import LineageGraph
from shared.lineage.sources import ChartSource, QuerySource

FOLDER = Path(__file__).with_name("golden")
SCHEMAS = json.loads((FOLDER / "schemas.json").read_text())
PATHS = sorted(path for path in FOLDER.glob("*.json") if path.name != "schemas.json")


def extract_case(given: dict[str, Any]) -> LineageGraph:
    """The graph of a case; its tables are those of `schemas.json` unless it says `"schemas": {}`."""
    return extract_lineage(
        "demo",
        "Demo",
        {name: read_source(sql) for name, sql in given["queries"].items()},
        [read_chart(chart) for chart in given.get("charts", [])],
        given.get("dry_run_tables", {}),
        given.get("schemas", SCHEMAS),
        views={name: read_source(sql) for name, sql in given.get("views", {}).items()},
    )


def read_source(sql: str) -> QuerySource:
    """A query whose unqualified tables live in `acme.nyc`."""
    return QuerySource(sql, "acme", "nyc")


def read_chart(chart: dict[str, Any]) -> ChartSource:
    """A chart of a case; without `fields` it draws every column."""
    fields = chart.get("fields")
    names = None if fields is None else tuple(fields)
    return ChartSource(chart["id"], chart["id"].title(), chart["query"], names, chart.get("is_exact", True))


def show_graph(graph: LineageGraph) -> dict[str, Any]:
    """The graph as the golden files have it: attributes by node id, and one line per edge."""
    return {
        "nodes": {node.id: {"name": node.name, **node.attributes} for node in graph.nodes},
        "edges": [
            f"{edge.source} {edge.type} {edge.target} [{edge.origin}, {edge.confidence}]"
            for edge in graph.edges
        ],
    }


def main() -> None:
    """Write every golden file anew."""
    for path in PATHS:
        case = json.loads(path.read_text())
        case["graph"] = show_graph(extract_case(case["given"]))
        path.write_text(json.dumps(case, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
