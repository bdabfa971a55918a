"""Dashboards for benches: many files of a realistic size, all different."""

import random
import textwrap
from collections.abc import Iterator
from string import Template

QUERIES = 6
COMPANY = 1_005
SEED = 14
_SQL = Template("""\
SELECT flight_date, COUNT(*) AS flights, AVG(dep_delay) AS delay
FROM $table
WHERE flight_date BETWEEN '2013-01-01' AND '2013-12-31' AND hour >= $hour AND distance > $distance
GROUP BY flight_date ORDER BY flight_date
""")


def make_dashboards(count: int, table: str = "flights") -> Iterator[tuple[str, str]]:
    """`count` dashboards of six queries and seven charts each, as (slug, YAML)."""
    for number in range(count):
        slug = f"bench-{number:04d}"
        yield slug, _make_dashboard(slug, number, table, QUERIES, "data@example.com", "bench")


def make_company(seed: int = SEED) -> Iterator[tuple[str, str]]:
    """The dashboards of a large company as (slug, YAML), the same ones for the same seed.

    Three to six queries each, so that their lineage has about 80,000 edges, owners and tags as such a number has.
    """
    chance = random.Random(seed)  # noqa: S311 - the same dashboards every time, no secret
    for number in range(COMPANY):
        slug = f"company-{number:04d}"
        queries = chance.choices((3, 4, 5, 6), (1, 2, 3, 1))[0]
        owner, tag = f"team-{chance.randrange(40)}@example.com", f"area-{chance.randrange(60)}"
        yield slug, _make_dashboard(slug, number, "flights", queries, owner, tag)


def _make_dashboard(slug: str, number: int, table: str, count: int, owner: str, tag: str) -> str:
    queries = "".join(_make_query(index, number, table) for index in range(count))
    charts = "".join(_make_chart(index) for index in range(count))
    rows = "".join(f"  - [{{chart: chart_{index}, width: 12}}]\n" for index in range(count))
    return (
        f"version: 1\nslug: {slug}\ntitle: Bench dashboard {number}\nowner: {owner}\ntags: [{tag}]\n"
        f"dataset: nyc\nrefresh: {{schedule: '0 6 * * *', max_age: 24h, max_stale: 7d}}\n"
        f"budget: {{per_query: 1 GB, per_refresh: 5 GB}}\n"
        f"queries:\n{queries}charts:\n"
        f"  - {{id: total, title: Total, query: query_0, type: metric, value: flights, format: ',d'}}\n"
        f"{charts}layout:\n  - [{{chart: total}}]\n{rows}"
    )


def _make_query(index: int, number: int, table: str) -> str:
    sql = _SQL.substitute(table=table, hour=index, distance=number)
    return f"  query_{index}:\n    sql: |\n" + textwrap.indent(sql, "      ")


def _make_chart(index: int) -> str:
    return (
        f"  - id: chart_{index}\n    title: Chart {index}\n    query: query_{index}\n"
        f"    mark: {{type: line, tooltip: true}}\n    encoding:\n"
        f"      x: {{field: flight_date, type: temporal}}\n"
        f"      y: {{field: delay, type: quantitative, title: Minutes}}\n"
    )
