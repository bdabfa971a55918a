"""Many dashboards planned over the wire: progress while it goes on, and no work for nobody."""

import json
import os
import time
from contextlib import closing
from pathlib import Path

import pytest

from bench.samples import QUERIES, make_dashboards
from shared.dashboards.plans.compilation import BATCH_DASHBOARDS
from tests.fixtures.stack import RunningStack, wait_until

pytestmark = pytest.mark.stack

GOLDEN = Path(__file__).parents[1] / "golden"
NDJSON = {"Accept": "application/x-ndjson"}


def make_body(count: int, distance: int) -> dict[str, object]:
    """Dashboards whose queries nobody has planned before."""
    items = [
        {"path": f"{slug}.yaml", "yaml": text.replace("distance > ", f"distance > {distance} + ")}
        for slug, text in make_dashboards(count)
    ]
    return {"dashboards": items}


def count_dry_runs(stack: RunningStack) -> int:
    return int(stack.read_gate()["dry_runs"])


def test_plans_arrive_through_nginx_while_others_are_still_made(stack: RunningStack) -> None:
    count = 3 * BATCH_DASHBOARDS
    before = count_dry_runs(stack)
    with closing(
        stack.call("POST", "/dashboards/compile", json=make_body(count, 1), headers=NDJSON, stream=True)
    ) as answer:
        moments, started = [], time.monotonic()
        for line in answer.iter_lines():
            event = json.loads(line)
            assert event["event"] in {"started", "plan", "done"}, event
            if event["event"] == "plan":
                assert (event["index"], event["result"]["valid"]) == (len(moments), True)
                moments.append(time.monotonic() - started)
    assert len(moments) == count
    assert moments[0] < 0.8 * moments[-1]
    assert count_dry_runs(stack) - before >= count * QUERIES


def test_the_golden_plan_comes_through_nginx_to_the_byte(stack: RunningStack) -> None:
    """UPDATE_GOLDEN=1 writes the file anew; read the difference before you commit it."""
    item = {
        "path": "golden-sample.yaml",
        "yaml": (GOLDEN / "plan_sample.yaml").read_text(encoding="utf-8"),
        "files": {"sql/names.sql": "SELECT carrier, name\nFROM airlines\nORDER BY carrier\n"},
    }
    bodies = [
        stack.call("POST", "/dashboards/compile", json={"dashboards": [item]}).content for _ in range(2)
    ]
    plans = [cut_out_data(body) for body in bodies]
    path = GOLDEN / "plan_sample.json"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(
            json.dumps(json.loads(plans[0]), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
    golden = json.loads(path.read_text(encoding="utf-8"))
    assert plans == [json.dumps(golden, separators=(",", ":"), ensure_ascii=False).encode()] * 2


def cut_out_data(body: bytes) -> bytes:
    """The bytes of an answer's data: what is around them has the moment and the request in it."""
    start, end = body.index(b'"data":') + len(b'"data":'), body.rindex(b',"error":')
    return body[start:end]


def test_a_query_that_many_dashboards_share_is_dry_run_once(stack: RunningStack) -> None:
    body = make_body(1, 2)
    (item,) = body["dashboards"]
    copies = [
        {**item, "path": "-", "yaml": item["yaml"].replace("bench-0000", f"copy-{n}")} for n in range(30)
    ]
    before = count_dry_runs(stack)
    answer = stack.call("POST", "/dashboards/compile", json={"dashboards": copies})
    assert answer.json()["success"] is True
    # One that a busy machine answers late is asked again; 30 times as many would be the fault.
    assert count_dry_runs(stack) - before <= 2 * QUERIES


def test_who_leaves_stops_the_dry_runs(stack: RunningStack) -> None:
    count = 5 * BATCH_DASHBOARDS
    before = count_dry_runs(stack)
    with closing(
        stack.call("POST", "/dashboards/compile", json=make_body(count, 3), headers=NDJSON, stream=True)
    ) as answer:
        next(answer.iter_lines())
    seen: list[int] = []

    def is_quiet() -> bool:
        time.sleep(2)
        seen.append(count_dry_runs(stack))
        return len(seen) > 1 and seen[-1] == seen[-2]

    wait_until(is_quiet, 120)
    assert seen[-1] - before < count * QUERIES
