"""deploy/monitoring: alerts on metrics that exist, each with a paragraph that says what to do."""

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.local.alone.bigquery import BigQueryServer
from deploy.local.parts import REPOSITORY
from tests.fixtures.functions import FunctionHost

FOLDER = REPOSITORY / "deploy" / "monitoring"
ALERTS = sorted((FOLDER / "alerts").glob("*.json"))
LOG_METRICS = {one["name"]: one["filter"] for one in json.loads((FOLDER / "log-metrics.json").read_text())}

FIELDS = {
    "conditionThreshold": {"filter", "comparison", "thresholdValue", "duration", "aggregations"},
    "conditionAbsent": {"filter", "duration", "aggregations"},
}


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def list_anchors() -> set[str]:
    """Of docs/operations.md, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", (REPOSITORY / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_an_alert_leads_to_what_to_do(path: Path) -> None:
    found = re.search(r"docs/operations\.md#([\w-]+)$", read(path)["documentation"]["content"])
    assert found is not None
    assert found[1] in list_anchors()


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_an_alert_has_every_field_terraform_reads(path: Path) -> None:
    for condition in read(path)["conditions"]:
        kind = next(name for name in condition if name != "displayName")
        assert set(condition[kind]) == FIELDS[kind]
        (aggregation,) = condition[kind]["aggregations"]
        assert {"alignmentPeriod", "perSeriesAligner", "crossSeriesReducer"} <= set(aggregation)


def test_a_heartbeat_that_stops_is_missed() -> None:
    conditions = read(FOLDER / "alerts" / "heartbeat.json")["conditions"]
    (absent,) = [one["conditionAbsent"] for one in conditions if "conditionAbsent" in one]
    assert "almanac_heartbeats" in absent["filter"]


def test_every_log_metric_that_is_read_is_made_and_the_other_way_round() -> None:
    texts = "".join(path.read_text() for path in [*ALERTS, FOLDER / "dashboard.json"])
    assert set(re.findall(r"logging\.googleapis\.com/user/(\w+)", texts)) == set(LOG_METRICS)


def test_a_query_that_is_not_refreshed_writes_what_the_metric_counts(
    computed_shop: FunctionHost, bigquery: BigQueryServer, caplog: pytest.LogCaptureFixture
) -> None:
    bigquery.gate.stop()
    try:
        with caplog.at_level(logging.WARNING):
            computed_shop.precompute_shop(force=True)
    finally:
        bigquery.gate.start()
        bigquery.gate.wait_ready()
    errors = [getattr(record, "refresh_error", None) for record in caplog.records]
    assert "WAREHOUSE_UNAVAILABLE" in errors
    assert "jsonPayload.refresh_error:*" in LOG_METRICS["almanac_refresh_failures"]
