"""The plan to the byte: the same input gives the same file, whoever plans it and when.

UPDATE_GOLDEN=1 writes the files anew; read the difference before you commit it.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.container import Container
from shared.dashboards.validators.parsed import DashboardSource
from shared.saving.models import SaveItem
from shared.schemas.plans import CompileResponse
from shared.settings import Settings
from tests.fixtures.functions import SHOP

HERE = Path(__file__).parent
NOON = datetime(2026, 1, 4, 12, tzinfo=UTC)
SHARED = """\
version: 1
slug: shared
title: What is shared is planned once
dataset: shop
refresh: {schedule: "*/15 * * * *", time_zone: Europe/Berlin, max_age: 1h}
budget: {per_query: 20 MB, per_refresh: 1 GB}
parameters:
  - {name: day, type: DATE, values: ["2024-01-03", "2024-01-04", "2024-01-05"]}
  - {name: least, type: INT64, values: [10, 100]}
queries:
  by_day: {sql: "SELECT name FROM people WHERE day = @day"}
  same_by_day: {sql: "select name from people where day = @day -- the same, written otherwise"}
  by_both: {sql: "SELECT id, name FROM people WHERE day = @day AND id > @least"}
  by_file: {file: sql/all.sql, max_rows: 10}
charts:
  - {id: a, title: A, query: by_day, type: table}
  - {id: b, title: B, query: same_by_day, type: table}
  - {id: c, title: C, query: by_both, type: metric, value: id}
  - {id: d, title: D, query: by_file, type: table}
"""
SQL = {"sql/all.sql": "SELECT day, COUNT(*) AS people FROM people GROUP BY day ORDER BY day\n"}
CHANGED = SHOP.replace("ORDER BY id", "ORDER BY name").replace('"2024-01-02"]', '"2024-01-03"]')


@pytest.fixture
def container(function_settings: Settings):
    """Every service, at noon."""
    built = Container(function_settings, clock=lambda: NOON)
    yield built
    built.database.dispose()


def compile_to_json(container: Container, *sources: DashboardSource) -> str:
    compiled = container.compilation.compile_dashboards(
        list(sources), actor="x@example.com", all_variants=True
    )
    return CompileResponse.from_compiled(compiled).model_dump_json(indent=2) + "\n"


def compare(name: str, text: str) -> None:
    path = HERE / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_queries_are_shared_between_charts_and_variants(container: Container) -> None:
    compare("plan_shared.json", compile_to_json(container, DashboardSource("shared.yaml", SHARED, SQL)))


def test_a_change_of_a_saved_dashboard_says_what_it_invalidates(container: Container) -> None:
    item = SaveItem(DashboardSource("shop.yaml", SHOP))
    container.saving.save_dashboards([item], author="x@example.com", message="")
    for _ in container.precompute.refresh_dashboards(["shop"], actor="x@example.com"):
        pass
    compare("plan_changed.json", compile_to_json(container, DashboardSource("shop.yaml", CHANGED)))


def test_a_plan_does_not_depend_on_its_company_nor_on_its_order(container: Container) -> None:
    shop = DashboardSource("shop.yaml", SHOP)
    shared = DashboardSource("shared.yaml", SHARED, SQL)
    plans = [
        {one.slug: one.plan for one in container.compilation.compile_dashboards(
            sources, actor="x@example.com", all_variants=True
        )}
        for sources in ([shop, shared], [shared, shop], [shared])
    ]  # fmt: skip
    assert plans[0] == plans[1]
    assert plans[2]["shared"] == plans[0]["shared"]
