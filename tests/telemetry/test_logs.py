"""Log lines as Cloud Logging reads them."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.settings import Settings
from shared.telemetry.logs import StdoutHandler, configure_logging
from tests.telemetry.conftest import Lines

Run = Callable[..., Lines]


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger as before the first configuration, put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers[:] = [handler for handler in handlers if not isinstance(handler, StdoutHandler)]
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_has_severity_message_time_and_place(run_program: Run) -> None:
    [line] = run_program("logging.getLogger('shared.x').warning('Took %d ms: ☀\\n%s', 5, 'two lines')")
    assert (line["severity"], line["message"], line["logger"]) == (
        "WARNING",
        "Took 5 ms: ☀\ntwo lines",
        "shared.x",
    )
    assert abs(datetime.now(UTC) - datetime.fromisoformat(line["time"])) < timedelta(minutes=1)
    assert line["logging.googleapis.com/sourceLocation"]["file"] == "<string>"
    assert "logging.googleapis.com/trace" not in line


def test_inside_a_span_the_line_carries_its_ids(run_program: Run) -> None:
    line, span = run_program("with start_span('a'):\n  logging.getLogger('x').info('hello')")
    assert line["logging.googleapis.com/trace"] == f"projects/my-project/traces/{span['trace_id']}"
    assert line["logging.googleapis.com/spanId"] == span["span_id"]
    assert line["logging.googleapis.com/trace_sampled"] is True


def test_a_stack_trace_is_in_the_message(run_program: Run) -> None:
    [line] = run_program(
        "try: 1 / 0\nexcept ZeroDivisionError: logging.getLogger('x').exception('It failed')"
    )
    assert line["severity"] == "ERROR"
    assert line["message"].startswith("It failed\nTraceback (most recent call last):\n")
    assert line["message"].endswith("ZeroDivisionError: division by zero")


def test_the_http_request_and_other_extras_have_fields_of_their_own(run_program: Run) -> None:
    [line] = run_program(
        """
request = {"requestMethod": "GET", "status": 200}
extra = {"http_request": request, "slug": "nyc", "odd": {1, }, "severity": "fake"}
logging.getLogger("x").info("served", extra=extra)
"""
    )
    assert line["httpRequest"] == {"requestMethod": "GET", "status": 200}
    assert (line["slug"], line["odd"], line["severity"]) == ("nyc", "{1}", "INFO")
    assert "http_request" not in line


@pytest.mark.parametrize(
    ("level", "severities"),
    [("debug", ["DEBUG", "INFO", "CRITICAL"]), ("INFO", ["INFO", "CRITICAL"]), ("ERROR", ["CRITICAL"])],
)
def test_the_level_of_the_settings_decides(run_program: Run, level: str, severities: list[str]) -> None:
    lines = run_program(
        "x = logging.getLogger('x'); x.debug(''); x.info(''); x.critical('')", log_level=level
    )
    assert [line["severity"] for line in lines] == severities


def test_levels_between_the_named_ones_keep_a_known_severity(run_program: Run) -> None:
    lines = run_program("[logging.getLogger('x').log(n, '') for n in (25, 60, 5)]", log_level="NOTSET")
    assert [line["severity"] for line in lines] == ["INFO", "CRITICAL", "DEFAULT"]


def test_an_unknown_level_names_those_accepted(root_logger: logging.Logger) -> None:
    with pytest.raises(ValueError, match="LOG_LEVEL is 'LOUD'; accepted are DEBUG, INFO"):
        configure_logging(Settings(log_level="LOUD"))


def test_configuring_twice_prints_each_line_once(
    root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.basicConfig(force=False)
    root_logger.addHandler(logging.StreamHandler())
    for _ in range(2):
        configure_logging(Settings())
    logging.getLogger("x").info("once")
    captured = capsys.readouterr()
    assert [json.loads(line)["message"] for line in captured.out.splitlines()] == ["once"]
    assert captured.err == ""
    assert sum(isinstance(handler, StdoutHandler) for handler in root_logger.handlers) == 1
