"""Lineage: bulk upserts, replacement by origin, stable order, and what a table feeds."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from shared.database.models.lineage import EdgeConfidence, EdgeOrigin, LineageEdge, LineageNode, NodeType
from shared.database.repositories.dashboards import DashboardUpdate
from shared.database.repositories.lineage import LineageGraph
from shared.database.unit_of_work import Database
from tests.database.builders import NOW, add_dashboards, delete_dashboard, make_edge, make_node
from tests.fixtures.postgres import count_statements


def shape(graph: LineageGraph) -> tuple[list[str], list[tuple[str, str]]]:
    return [node.id for node in graph.nodes], [(edge.source, edge.target) for edge in graph.edges]


def chain(*ids: str) -> tuple[list[LineageNode], list[LineageEdge]]:
    edges = [make_edge(source, target) for source, target in pairwise(ids)]
    return [make_node(node_id) for node_id in ids], edges


def test_a_graph_is_written_in_four_statements_and_read_in_two(database: Database) -> None:
    board = add_dashboards(database, "one")[0]
    nodes = [make_node(f"t{number:04}") for number in range(900)]
    edges = [make_edge(f"t{number:04}", "t0899") for number in reversed(range(899))]
    with database.begin() as work:
        with count_statements(database) as written:
            work.lineage.replace_edges(board.id, 1, nodes, edges)
        with count_statements(database) as read:
            graph = work.lineage.read_graph(board.id, 1)
    assert (len(written), len(read)) == (4, 2)
    ids, pairs = shape(graph)
    assert (len(ids), len(pairs)) == (900, 899)
    assert (ids, pairs) == (sorted(ids), sorted(pairs))


def test_replacing_keeps_other_versions_and_other_origins(database: Database) -> None:
    board = add_dashboards(database, "one")[0]
    nodes = [make_node(name) for name in "abc"]
    with database.begin() as work:
        work.lineage.replace_edges(board.id, 1, nodes, [make_edge("a", "b")])
        work.lineage.replace_edges(board.id, 2, nodes, [make_edge("a", "b")])
        work.lineage.add_edges(board.id, 2, [], [make_edge("b", "c", origin=EdgeOrigin.JOB)])
        parsed = [EdgeOrigin.PARSER, EdgeOrigin.YAML]
        work.lineage.replace_edges(board.id, 2, nodes, [make_edge("a", "c")], origins=parsed)
        assert shape(work.lineage.read_graph(board.id, 1))[1] == [("a", "b")]
        assert shape(work.lineage.read_graph(board.id, 2))[1] == [("a", "c"), ("b", "c")]
        work.lineage.replace_edges(board.id, 2, nodes, [])
        assert shape(work.lineage.read_graph(board.id, 2)) == ([], [])


def test_writing_the_same_again_changes_nothing_but_what_was_learnt(database: Database) -> None:
    board = add_dashboards(database, "one")[0]
    with database.begin() as work:
        for confidence in (EdgeConfidence.INFERRED, EdgeConfidence.EXACT):
            nodes = [make_node("a", attributes={"rows": len(confidence)}), make_node("b", NodeType.QUERY)]
            edge, twin = (make_edge("a", "b", confidence=confidence) for _ in range(2))
            work.lineage.add_edges(board.id, 1, [*nodes, make_node("b", NodeType.CHART)], [edge, twin])
        graph = work.lineage.read_graph(board.id, 1)
    assert [edge.confidence for edge in graph.edges] == [EdgeConfidence.EXACT]
    assert [(node.id, node.type) for node in graph.nodes] == [("a", NodeType.TABLE), ("b", NodeType.CHART)]
    assert graph.nodes[0].attributes == {"rows": 5}


def test_readers_are_current_versions_of_live_dashboards_only(database: Database) -> None:
    one, two, gone = add_dashboards(database, "one", "two", "gone")
    with database.begin() as work:
        work.lineage.add_edges(one.id, 1, *chain("bq:table", "query", "chart"))
        work.lineage.add_edges(two.id, 1, *chain("bq:table", "bq:old", "old"))
        work.lineage.add_edges(two.id, 2, *chain("bq:table", "bq:new", "new"))
        work.lineage.add_edges(gone.id, 1, *chain("bq:table", "bq:deleted"))
        work.dashboards.update_many([DashboardUpdate(two.id, "Two", "", "", [], 2, None, "UTC", NOW)])
    delete_dashboard(database, "gone")
    with database.begin() as work:
        assert work.lineage.find_fed_sources(["bq:table"]) == {"bq:table", "bq:new"}
        assert work.lineage.find_fed_sources(["bq:table"], ["none of them"]) == {"bq:table"}
        assert work.lineage.find_fed_sources(["bq:unknown"]) == {"bq:unknown"}
        readers = work.lineage.list_readers(["bq:table", "bq:new"], [], 1, 50)
        assert (readers.items, readers.total) == ([(one.id, 1), (two.id, 2)], 2)
        named = work.lineage.list_readers(["bq:new"], [one.id, gone.id], 2, 1)
        assert (named.items, named.total) == ([(two.id, 2)], 2)
        assert work.lineage.list_readers(["bq:old", "bq:deleted"], [], 1, 50).total == 0
        with count_statements(database) as statements:
            found = shape(work.lineage.read_many(readers.items))
        assert shape(work.lineage.read_many([])) == ([], [])
    assert found == (
        ["bq:new", "bq:table", "chart", "new", "query"],
        [("bq:new", "new"), ("bq:table", "bq:new"), ("bq:table", "query"), ("query", "chart")],
    )
    assert len(statements) == 2


def test_a_cycle_of_views_ends(database: Database) -> None:
    board = add_dashboards(database, "one")[0]
    with database.begin() as work:
        work.lineage.add_edges(board.id, 1, *chain("bq:a", "bq:b", "bq:c"))
        work.lineage.add_edges(board.id, 1, [], [make_edge("bq:c", "bq:a")])
        assert work.lineage.find_fed_sources(["bq:b"]) == {"bq:a", "bq:b", "bq:c"}


def test_nodes_that_nothing_touches_are_cleaned_up(database: Database) -> None:
    board = add_dashboards(database, "one")[0]
    with database.begin() as work:
        nodes, edges = chain("a", "b")
        work.lineage.add_edges(board.id, 1, [*nodes, make_node("alone")], edges)
        assert work.lineage.delete_orphans(10) == 1
        assert set(work.lineage.get_nodes(["a", "b", "alone"])) == {"a", "b"}


def test_saves_that_share_tables_at_once_do_not_deadlock(database: Database) -> None:
    boards = add_dashboards(database, *(f"board-{number}" for number in range(4)))
    ids = [f"t{number}" for number in range(40)]

    def save(number: int) -> None:
        order = ids if number % 2 else ids[::-1]
        with database.begin() as work:
            work.lineage.replace_edges(boards[number % 4].id, 1, *chain(*order))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(16)))
    with database.begin() as work:
        assert len(work.lineage.read_graph(boards[0].id, 1).edges) == 39
