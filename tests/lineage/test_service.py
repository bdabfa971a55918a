"""The service on a real PostgreSQL."""

from datetime import UTC, datetime

import pytest

from shared.database.models.dashboards import Dashboard
from shared.errors import InvalidRequestError, NotFoundError
from shared.lineage.extraction import extract_lineage
from shared.lineage.model import LineageGraph, NodeType, Origin
from shared.lineage.service import LineageService
from shared.lineage.sources import ChartSource
from shared.lineage.traversal import Direction, Level
from tests.database.builders import delete_dashboard
from tests.fixtures.postgres import count_statements
from tests.lineage.golden_cases import SCHEMAS, read_source

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DELAYS = "SELECT carrier, AVG(dep_delay) AS delay FROM flights WHERE origin = @origin GROUP BY carrier"


@pytest.fixture
def service(database):
    return LineageService(database, lambda: NOW)


@pytest.fixture
def save(database, service):
    """Saves version `version` of a dashboard whose one chart draws the SQL."""

    def save_dashboard(slug, sql=DELAYS, version=1, dry_run_tables=(), views=None):
        source = {"q": read_source(sql)}
        charts = [ChartSource("c", "C", "q", None)]
        graph = extract_lineage(
            slug, slug.title(), source, charts, {"q": dry_run_tables}, SCHEMAS, views=views
        )
        with database.begin() as uow:
            known = uow.dashboards.get_by_slugs([slug])
            row = known.get(slug) or uow.dashboards.create_many([Dashboard(slug=slug, title=slug.title())])[0]
            row.current_version = version
            service.save_graph(uow, row.id, version, graph)
        return row.id, graph

    return save_dashboard


@pytest.fixture
def find_by_table(service):
    """The graph of everything that a table or column feeds, which is one page here."""

    def find(table, column=None):
        impact = service.read_impact(table, column)
        assert impact.total == len(find_dashboards(impact.graph))
        return impact.graph

    return find


def find_ids(graph: LineageGraph, type_=None):
    return {node.id for node in graph.nodes if type_ in (None, node.type)}


def find_dashboards(graph):
    return {node.attributes["slug"] for node in graph.find_nodes(NodeType.DASHBOARD)}


def test_what_was_saved_is_read_back_whole(service, save):
    _, graph = save("delays")
    assert service.read_graph("delays", Level.COLUMN) == graph


def test_the_table_level_is_the_default(service, save):
    save("delays")
    assert find_ids(service.read_graph("delays")) == {
        "bq:acme.nyc.flights",
        "query:delays/q",
        "chart:delays/c",
        "dashboard:delays",
    }


def test_direction_depth_and_node_narrow_the_answer(service, save):
    save("delays")
    up = service.read_graph("delays", direction=Direction.UPSTREAM, depth=1)
    assert find_ids(up) == {"dashboard:delays", "chart:delays/c"}
    around = service.read_graph(
        "delays", Level.COLUMN, Direction.DOWNSTREAM, node="bq:acme.nyc.flights#dep_delay"
    )
    assert find_ids(around, NodeType.COLUMN) == {"bq:acme.nyc.flights#dep_delay", "query:delays/q#delay"}


@pytest.mark.parametrize("depth", [0, -1, 21])
def test_a_depth_out_of_range_is_refused(service, save, depth):
    save("delays")
    with pytest.raises(InvalidRequestError, match="accepted: 1 to 20"):
        service.read_graph("delays", depth=depth)


def test_an_unknown_slug_is_not_found_and_a_near_one_is_named(service, save):
    save("delays")
    with pytest.raises(NotFoundError) as near:
        service.read_graph("delay")
    assert near.value.remediation == "Did you mean 'delays'?"
    with pytest.raises(NotFoundError) as far:
        service.read_graph("something-else")
    assert "GET /dashboards" in far.value.remediation


def test_an_unknown_node_is_not_found(service, save):
    save("delays")
    with pytest.raises(NotFoundError) as near:
        service.read_graph("delays", node="query:delays/p")
    assert near.value.remediation == "Did you mean 'query:delays/q'?"
    with pytest.raises(NotFoundError, match="at this level"):
        service.read_graph("delays", Level.TABLE, node="bq:acme.nyc.flights#carrier")


def test_saving_again_replaces_what_the_version_declared(service, save):
    save("delays")
    _, second = save("delays", "SELECT name FROM airlines")
    assert service.read_graph("delays", Level.COLUMN) == second


def test_a_new_version_is_what_is_read(service, save):
    save("delays")
    _, second = save("delays", "SELECT name FROM airlines", version=2)
    assert service.read_graph("delays", Level.COLUMN) == second


def test_tables_of_executed_jobs_are_added_once_and_outlive_a_save(service, save, database):
    id_, graph = save("delays")
    for _ in range(2):
        with database.begin() as uow:
            service.record_job_tables(uow, id_, 1, "delays", {"q": ["acme.nyc.flights", "acme.raw.base"]})
    save("delays")
    edges = service.read_graph("delays", Level.COLUMN).edges
    assert [edge.source for edge in edges if edge.origin is Origin.JOB] == [
        "bq:acme.nyc.flights",
        "bq:acme.raw.base",
    ]
    assert len(edges) == len(graph.edges) + 2


def test_recording_jobs_leaves_what_is_known_of_a_table(service, save, database):
    view = {"acme.nyc.late_flights": read_source("SELECT carrier FROM flights")}
    id_, _ = save("late", "SELECT carrier FROM late_flights", views=view)
    with database.begin() as uow:
        service.record_job_tables(uow, id_, 1, "late", {"q": ["acme.nyc.late_flights"]})
    nodes = {node.id: node for node in service.read_graph("late").nodes}
    assert nodes["bq:acme.nyc.late_flights"].attributes["kind"] == "view"


def test_recording_nothing_changes_nothing(service, save, database):
    id_, graph = save("delays")
    with database.begin() as uow:
        service.record_job_tables(uow, id_, 1, "delays", {})
        service.record_job_tables(uow, id_, 1, "delays", {"q": []})
    assert service.read_graph("delays", Level.COLUMN) == graph


def test_a_failed_transaction_leaves_the_graph_as_it_was(service, save, database):
    id_, graph = save("delays")

    def save_and_fail():
        with database.begin() as uow:
            service.save_graph(uow, id_, 1, LineageGraph())
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        save_and_fail()
    assert service.read_graph("delays", Level.COLUMN) == graph


def test_a_table_leads_to_every_dashboard_that_reads_it(find_by_table, save):
    save("delays")
    save("counts", "SELECT COUNT(*) AS n FROM flights")
    save("names", "SELECT name FROM airlines")
    found = find_by_table("acme.nyc.flights")
    assert find_dashboards(found) == {"delays", "counts"}
    assert not find_ids(found, NodeType.COLUMN)


def test_only_current_versions_of_live_dashboards_are_found(find_by_table, save, database):
    save("moved")
    save("moved", "SELECT name FROM airlines", version=2)
    save("deleted")
    delete_dashboard(database, "deleted")
    assert find_by_table("acme.nyc.flights") == LineageGraph()


def test_a_column_leads_to_what_is_made_of_it_or_decided_by_it(find_by_table, save):
    save("delays")
    save("carriers", "SELECT carrier FROM flights")
    assert find_dashboards(find_by_table("acme.nyc.flights", "dep_delay")) == {"delays"}
    assert find_dashboards(find_by_table("acme.nyc.flights", "origin")) == {"delays"}
    found = find_by_table("acme.nyc.flights", "Carrier")
    assert find_dashboards(found) == {"delays", "carriers"}
    assert "bq:acme.nyc.flights#carrier" in find_ids(found)
    assert find_by_table("acme.nyc.flights", "distance") == LineageGraph()


def test_a_query_that_may_read_the_column_is_not_left_out(find_by_table, save):
    save("broken", "SELECT carrier, FROM WHERE", dry_run_tables=["acme.nyc.flights"])
    save("hidden", "SELECT x FROM some_view", dry_run_tables=["acme.nyc.flights"])
    save("output", "SELECT x FROM flights, other, another")
    save("clause", "SELECT COUNT(*) AS n FROM flights, other, another WHERE x > 1")
    found = find_by_table("acme.nyc.flights", "dep_delay")
    assert find_dashboards(found) == {"broken", "hidden", "output", "clause"}
    assert "bq:acme.nyc.flights" in find_ids(found)


def test_a_view_with_a_definition_is_seen_through(find_by_table, save):
    view = {"acme.nyc.late_flights": read_source("SELECT carrier, dep_delay AS delay FROM flights")}
    save("late", "SELECT delay FROM late_flights", views=view)
    assert find_dashboards(find_by_table("acme.nyc.flights", "dep_delay")) == {"late"}
    assert find_dashboards(find_by_table("acme.nyc.flights", "carrier")) == set()


def test_readers_come_a_page_at_a_time_by_slug_and_the_total_is_right_beyond_the_last(service, save):
    for slug in ("cc", "aa", "ee", "bb", "dd"):
        save(slug)
    save("names", "SELECT name FROM airlines")
    pages = [service.read_impact("acme.nyc.flights", None, page, 2) for page in (1, 2, 3, 4)]
    assert [find_dashboards(page.graph) for page in pages] == [{"aa", "bb"}, {"cc", "dd"}, {"ee"}, set()]
    assert {(page.total, page.page_size) for page in pages} == {(5, 2)}
    assert all("bq:acme.nyc.flights" in find_ids(page.graph) for page in pages[:3])
    columns = service.read_impact("acme.nyc.flights", "dep_delay", 2, 3)
    assert (find_dashboards(columns.graph), columns.total) == ({"dd", "ee"}, 5)


def test_pages_hold_together_what_one_page_holds(service, save):
    view = {"acme.nyc.late_flights": read_source("SELECT carrier, dep_delay AS delay FROM flights")}
    save("one")
    save("opaque", "SELECT x FROM flights, other, another")
    save("through", "SELECT delay FROM late_flights", views=view)
    # What reads a view is found by the definition that another dashboard's save had at hand.
    save("unaware", "SELECT delay FROM late_flights")
    for column in (None, "dep_delay"):
        whole = service.read_impact("acme.nyc.flights", column)
        pages = [service.read_impact("acme.nyc.flights", column, page, 1) for page in range(1, 5)]
        together = LineageGraph()
        for page in pages:
            together = together.merge(page.graph)
        assert together == whole.graph
        assert find_dashboards(whole.graph) == {"one", "opaque", "through", "unaware"}
        assert (whole.total, {page.total for page in pages}) == (4, {4})


def test_a_view_that_cannot_be_traced_may_read_any_column(find_by_table, save):
    view = {"acme.nyc.late_flights": read_source("SELECT carrier, FROM WHERE")}
    save("late", "SELECT delay FROM late_flights", views=view, dry_run_tables=["acme.nyc.flights"])
    assert find_dashboards(find_by_table("acme.nyc.flights", "dep_delay")) == {"late"}


def test_what_an_older_version_left_untraced_is_forgotten(find_by_table, save):
    save("mended", "SELECT carrier, x FROM flights, other")
    save("mended", "SELECT carrier FROM flights", version=2)
    assert find_dashboards(find_by_table("acme.nyc.flights", "carrier")) == {"mended"}
    assert find_by_table("acme.nyc.flights", "distance") == LineageGraph()


def test_a_page_takes_as_many_statements_as_any_other(service, save, database):
    for slug in ("aa", "bb", "cc"):
        save(slug)
    for column, most in ((None, 4), ("dep_delay", 5)):
        for size in (1, 3):
            with count_statements(database) as statements:
                service.read_impact("acme.nyc.flights", column, 1, size)
            assert len(statements) == most


def test_a_table_of_a_wildcard_leads_to_its_readers(find_by_table, save):
    save("events", "SELECT name FROM `acme.logs.events_*`")
    assert find_dashboards(find_by_table("acme.logs.events_20240101")) == {"events"}
    assert find_dashboards(find_by_table("acme.logs.events_20240101", "name")) == {"events"}
    assert find_by_table("acme.logs.visits_20240101") == LineageGraph()


@pytest.mark.parametrize("table", ["", "flights", "nyc.flights", "acme..flights"])
def test_a_table_without_its_full_name_is_refused(find_by_table, table):
    with pytest.raises(InvalidRequestError, match=r"write project\.dataset\.table"):
        find_by_table(table)


def test_reading_takes_three_statements_however_large_the_graph(service, save, database):
    save("wide", "SELECT " + ", ".join(f"distance + {n} AS d{n}" for n in range(200)) + " FROM flights")
    with count_statements(database) as statements:
        service.read_graph("wide", Level.COLUMN)
    assert len(statements) == 3


def test_events_carry_the_clocks_time(service, save):
    _, graph = save("delays")
    events = service.export_events(
        graph, "https://dashboards.example.com", "almanac://dashboards.example.com"
    )
    assert {event["eventTime"] for event in events} == {NOW.isoformat()}
