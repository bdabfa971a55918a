"""`almanac new`: a dashboard somebody would keep, of a table, without a query."""

from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml
from google.cloud import bigquery as google_bigquery
from google.cloud.bigquery import SchemaField

from deploy.local.alone.bigquery import BigQueryServer
from tests.cli.conftest import Program
from tests.fixtures.functions import FunctionHost

ORDERS = [
    SchemaField("order_id", "INT64"),
    SchemaField("ordered_on", "DATE"),
    SchemaField("country", "STRING", description="Where it was sent"),
    SchemaField("email", "STRING"),
    SchemaField("amount", "NUMERIC"),
    SchemaField("packed_time", "INT64"),
    SchemaField("delay", "FLOAT64"),
    SchemaField("day", "STRING"),
    SchemaField("lines", "STRING", "REPEATED"),
]
ROWS = [
    {"order_id": index, "ordered_on": f"2024-03-{index % 30 + 1:02d}", "country": ("CH", "FR", "IT")[index % 3],
     "email": f"{index}@example.com", "amount": "12.5", "packed_time": 1700 + index % 60,
     "delay": index / 7, "day": ("Mon", "Tue")[index % 2],
     "lines": ["a"]}
    for index in range(90)
]  # fmt: skip
EVENTS = [SchemaField("at", "TIMESTAMP"), SchemaField("select", "BOOL"), SchemaField("hits", "INT64")]


@pytest.fixture
def author(
    program: Program, bigquery: BigQueryServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Program:
    """The program before the emulator, in an empty folder."""
    program.environment |= {"BIGQUERY_ENDPOINT": bigquery.endpoint, "GOOGLE_CLOUD_PROJECT": bigquery.project}
    monkeypatch.chdir(tmp_path)
    return program


@pytest.fixture(scope="module")
def tables(bigquery: BigQueryServer, people_table: str) -> None:
    """Orders by day, events by the moment they came in, and a view of the orders."""
    bigquery.load_rows("shop.new_orders", ORDERS, ROWS, partition_by="ordered_on")
    bigquery.load_rows(
        "shop.new_events",
        EVENTS,
        [
            {"at": f"2024-01-{index % 28 + 1:02d}T23:30:00Z", "select": index % 2 == 0, "hits": 3}
            for index in range(60)
        ],
        partition_by="at",
    )
    view = google_bigquery.Table(f"{bigquery.project}.shop.new-view")
    view.view_query = f"SELECT country, amount FROM `{bigquery.project}.shop.new_orders`"
    bigquery.client().create_table(view, exists_ok=True)


def read(path: str) -> dict:
    return yaml.safe_load(Path(path).read_text())


def compute(functions: FunctionHost, path: str) -> dict:
    """Save the file and refresh it; the report."""
    body = {"dashboards": [{"path": path, "yaml": Path(path).read_text()}], "message": "New"}
    saved = functions.call("dashboards_save", "POST", "/dashboards/save", json=body)
    assert saved.status_code == 200, saved.text
    slugs = [saved.json["data"]["results"][0]["slug"]]
    report = functions.call("precompute", "POST", "/precompute", json={"slugs": slugs})
    return report.json["data"]["results"][0]


def test_a_table_becomes_a_dashboard_that_is_planned_saved_and_drawn_without_a_query_before(
    author: Program, functions: FunctionHost, bigquery: BigQueryServer, tables: None
) -> None:
    before = bigquery.count_jobs()
    shown = author.run("new", "orders", "--table", "shop.new_orders").stdout
    assert bigquery.count_jobs() == before
    assert "time        ordered_on" in shown
    assert "numbers     amount, delay" in shown
    assert "breakdowns  country, day" in shown
    assert "Next: almanac plan dashboards/orders.yaml" in shown

    written = read("dashboards/orders.yaml")
    assert [(one["name"], one["values"]) for one in written["parameters"]] == [
        ("from_day", ["2024-03-01"]), ("to_day", ["2024-03-30"]),
    ]  # fmt: skip
    assert all(
        "ordered_on BETWEEN @from_day AND @to_day" in one["sql"] for one in written["queries"].values()
    )
    assert "SUM(amount) AS total_amount,\n  AVG(delay) AS mean_delay" in written["queries"]["totals"]["sql"]
    assert "AS day_," in written["queries"]["daily"]["sql"]
    assert "email" in written["queries"]["newest"]["sql"]
    assert "strict" not in author.run("validate", "dashboards", "--strict").stderr

    report = compute(functions, "dashboards/orders.yaml")
    assert {one["status"] for one in report["queries"]} == {"refreshed"}, report["queries"]
    data = functions.call("data", "GET", "/data/orders").json["data"]
    assert data["queries"]["totals"]["values"][0] == [90]
    assert data["queries"]["by_country"]["values"] == [["CH", "FR", "IT"], [30, 30, 30]]


def test_moments_are_filtered_by_whole_days_and_words_of_sql_are_quoted(
    author: Program, functions: FunctionHost, tables: None
) -> None:
    author.run("new", "events", "--table", "shop.new_events", "--title", "What came: in")
    written = read("dashboards/events.yaml")
    assert written["title"] == "What came: in"
    assert "at >= TIMESTAMP(@from_day) AND at < TIMESTAMP(DATE_ADD(@to_day, INTERVAL 1 DAY))" in (
        written["queries"]["totals"]["sql"].replace("`", "")
    )
    report = compute(functions, "dashboards/events.yaml")
    assert {one["status"] for one in report["queries"]} == {"refreshed"}, report["queries"]
    days, counts, _ = functions.call("data", "GET", "/data/events").json["data"]["queries"]["daily"]["values"]
    assert len(days) == 28
    assert sum(counts) == 60


def test_a_view_is_judged_by_names_alone(author: Program, functions: FunctionHost, tables: None) -> None:
    answer = author.run_json("new", "seen", "--table", "shop.new-view")
    assert (answer["time_column"], answer["measures"], answer["breakdowns"]) == (
        None,
        ["amount"],
        ["country"],
    )
    report = compute(functions, "dashboards/seen.yaml")
    assert {one["status"] for one in report["queries"]} == {"refreshed"}, report["queries"]


def test_an_empty_table_shows_the_last_four_weeks(
    author: Program, bigquery: BigQueryServer, people_table: str
) -> None:
    bigquery.load_rows("shop.new_empty", ORDERS, [])
    author.run("new", "empty", "--table", "shop.new_empty")
    first, last = (one["values"][0] for one in read("dashboards/empty.yaml")["parameters"])
    assert date.fromisoformat(last) - date.fromisoformat(first) == timedelta(days=27)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["orders", "--table", "orders"], 2, "'orders' is no table"),
        (["Orders!", "--table", "shop.new_orders"], 1, "slug"),
        (["orders", "--table", "shop.missing"], 1, "shop.missing"),
        (["there", "--table", "shop.new_orders", "-o", "there.yaml"], 1, "there.yaml is there already"),
    ],
)
def test_what_cannot_be_written_is_one_sentence_and_changes_nothing(
    author: Program, tables: None, arguments: list[str], code: int, said: str
) -> None:
    Path("there.yaml").write_text("mine")
    refused = author.run("new", *arguments, code=code)
    assert said in refused.stderr
    assert not Path("dashboards").exists()
    assert Path("there.yaml").read_text() == "mine"


def test_a_file_is_written_over_when_told_and_shown_where_asked(author: Program, tables: None) -> None:
    Path("there.yaml").write_text("mine")
    author.run("new", "there", "--table", "shop.new_orders", "-o", "there.yaml", "--force")
    assert (
        author.run("new", "there", "--table", "shop.new_orders", "-o", "-").stdout
        == Path("there.yaml").read_text()
    )
