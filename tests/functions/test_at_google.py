"""Compile, refresh and lineage where BigQuery answers as Google does."""

from typing import Any

from deploy.local.alone.bigquery import BigQueryServer
from tests.fixtures.functions import FunctionHost
from tests.functions.test_freshness import get_data, load, write_dashboard


def compile_one(host: FunctionHost, yaml: str) -> dict[str, Any]:
    items = [{"path": "shop.yaml", "yaml": yaml}]
    answer = host.call("dashboards_compile", "POST", "/dashboards/compile", json={"dashboards": items})
    return dict(answer.json["data"]["results"][0])


def test_what_was_meant_stands_at_the_line_of_the_file(
    functions_at_google: FunctionHost, people_table: str
) -> None:
    yaml = write_dashboard(n="SELECT nmae FROM people")
    result = compile_one(functions_at_google, yaml)
    (found,) = [one for one in result["diagnostics"] if one["severity"] == "error"]
    line = next(number for number, text in enumerate(yaml.splitlines(), 1) if "nmae" in text)
    assert (found["line"], found["code"], found["suggestion"]) == (line, "SQL_REFUSED", "name")
    assert found["column"] == yaml.splitlines()[line - 1].index("nmae") + 1
    assert found["remediation"] == "Did you mean name?"


def test_a_wildcard_is_one_table_in_plan_and_lineage(
    functions_at_google: FunctionHost, bigquery: BigQueryServer, people_table: str
) -> None:
    host = functions_at_google
    for day in ("20240101", "20240102"):
        load(bigquery, f"telemetry_{day}", 2)
    yaml = write_dashboard(n="SELECT COUNT(id) AS n FROM `telemetry_*`")
    (query,) = compile_one(host, yaml)["plan"]["queries"]
    assert query["referenced_tables"] == ["local.shop.telemetry_*"]
    assert query["bytes_billed_max"] == query["cap_bytes"]
    host.save_shop(yaml)
    assert host.precompute_shop()["totals"]["refreshed"] == 1
    assert get_data(host)["queries"]["n"]["values"] == [[4]]
    nodes = host.call("lineage", "GET", "/lineage/shop").json["data"]["nodes"]
    assert [one["id"] for one in nodes if one["type"] == "table"] == ["bq:local.shop.telemetry_*"]


def test_an_answer_from_the_cache_keeps_the_tables_it_was_made_of(
    functions_at_google: FunctionHost, bigquery: BigQueryServer, people_table: str
) -> None:
    """BigQuery lists none then; without them the next refresh would find nothing to watch."""
    host = functions_at_google
    load(bigquery, "cached_at_google", 3)
    host.save_shop(write_dashboard(n="SELECT COUNT(id) AS n FROM cached_at_google"))
    host.precompute_shop()
    forced = host.precompute_shop(force=True)["queries"][0]
    assert (forced["status"], forced["receipt"]["cache_hit"]) == ("refreshed", True)
    skipped = host.precompute_shop()["queries"][0]
    assert (skipped["status"], skipped["reason"]) == ("skipped_unchanged", "no source table changed")
    load(bigquery, "cached_at_google", 4)
    assert host.precompute_shop()["queries"][0]["status"] == "refreshed"
