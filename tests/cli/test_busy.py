"""A front end that has nobody to pass requests on to says so in HTML: reads are tried again, the rest is told."""

import pytest

from tests.cli.conftest import Program
from tests.cli.front_end import FrontEnd

LISTED = b'{"success":true,"data":{"results":[],"total":0},"error":null,"metadata":{}}'
OURS = (
    b'{"success":false,"data":null,"error":{"code":"BUDGET_EXCEEDED","message":"No room.","remediation":"Wait.",'
    b'"trace_id":"","details":[]},"metadata":{}}'
)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_read_is_tried_again(program: Program, front_end: FrontEnd, status: int) -> None:
    front_end.say(status)
    front_end.say(status, after="0")
    front_end.say(200, body=LISTED, kind="application/json")
    program.run("list")
    assert len(front_end.seen) == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_who_stays_busy_is_told_of_as_busy(program: Program, front_end: FrontEnd, status: int) -> None:
    for _ in range(3):
        front_end.say(status)
    shown = program.run("list", code=3).stderr
    assert f"The service is busy: what stands before it answered {status}." in " ".join(shown.split())
    assert "Try again in a moment." in shown
    assert len(front_end.seen) == 3


def test_a_long_time_to_wait_is_left_to_the_person(program: Program, front_end: FrontEnd) -> None:
    front_end.say(429, after="3600")
    assert "Try again in 3600 seconds." in program.run("list", code=3).stderr
    assert len(front_end.seen) == 1


def test_what_may_cost_something_is_not_sent_twice(program: Program, front_end: FrontEnd) -> None:
    front_end.say(503)
    assert "The service is busy" in program.run("run", "SELECT 1", code=3).stderr
    assert front_end.seen == ["POST /sql/run"]


def test_a_refusal_of_the_service_itself_stands(program: Program, front_end: FrontEnd) -> None:
    front_end.say(429, body=OURS, kind="application/json")
    assert "error[BUDGET_EXCEEDED]" in program.run("list", code=1).stderr
    assert len(front_end.seen) == 1


def test_another_page_is_no_busy_service(program: Program, front_end: FrontEnd) -> None:
    front_end.say(200)
    assert "not this API" in " ".join(program.run("list", code=3).stderr.split())
