"""Where the emulator refuses a query, the gate says whether BigQuery would, too, and in whose words.

Google's analyser, in the gate, decides. The gates of other tests are without it, so that their words depend on nothing
that is compiled meanwhile.
"""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import BadRequest, GoogleAPICallError, NotFound
from google.cloud import bigquery as google_bigquery

from deploy.local.alone.bigquery import gate_before
from deploy.local.analyser.module import compiled_path
from deploy.local.parts import analyser_dir
from tests.metering.conftest import TIMEOUT_SECONDS, Meter

LIMIT = "BigQuery takes this query; the local emulator cannot run it: "
COMPILE_SECONDS = 300
ITEMS = "STRUCT('x' AS key, STRUCT('v' AS string_value, 1 AS int_value) AS value)"


@pytest.fixture(scope="module")
def telling(meter: Meter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meter]:
    """A gate with the analyser before the session's emulator, once it answers with it."""
    folder = tmp_path_factory.mktemp("gate")
    with gate_before(meter.server, folder, analyser_dir()) as server:
        told = Meter(server)
        deadline = time.monotonic() + COMPILE_SECONDS
        while LIMIT not in refusal(told.dry_run, "SELECT rb'abc' AS ready"):
            assert time.monotonic() < deadline, "the analyser was not ready in time"
            time.sleep(1)
        yield told


@pytest.fixture(scope="module")
def events(meter: Meter, dataset: str) -> str:
    """Tables of events: nested, of one day each, and by the time their rows came in."""
    meter.run(
        f"CREATE OR REPLACE TABLE {dataset}.events AS SELECT 'view' AS event_name, 'UA' AS carrier, "
        f"[{ITEMS}] AS event_params"
    )
    for day in ("20240101", "20240102"):
        meter.run(f"CREATE OR REPLACE TABLE {dataset}.days_{day} AS SELECT 1 AS n")
    meter.run(f"CREATE OR REPLACE TABLE {dataset}.arrived (n INT64) PARTITION BY _PARTITIONDATE")
    meter.run(f"CREATE OR REPLACE VIEW {dataset}.names AS SELECT event_name FROM {dataset}.events")
    return f"{dataset}.events"


def refusal(ask: Callable[..., object], sql: str, *parameters: object, **options: object) -> str:
    """The message of BigQuery's error, as Google's client has it."""
    with pytest.raises(GoogleAPICallError) as caught:
        ask(sql, *parameters, **options)
    assert [error["reason"] for error in caught.value.errors] == ["invalidQuery"]
    return str(caught.value.errors[0]["message"])


SAID_BY_GOOGLE = [
    ("SELECT carier FROM {0}", "Unrecognized name: carier; Did you mean carrier? at [1:8]"),
    ("SELECT\n  events.carier FROM `{0}`", "Name carier not found inside events at [2:10]"),
    ("SELECT event_nam FROM {1}.names", "Unrecognized name: event_nam; Did you mean event_name? at [1:8]"),
    ("SELECT 1 +", "Syntax error: Unexpected end of statement at [1:11]"),
    ("SELECT carier FROM {0}; -- end", "Unrecognized name: carier; Did you mean carrier? at [1:8]"),
    ("SELECT SUM(carrier) FROM {0}",
     "No matching signature for aggregate function SUM for argument types: STRING at [1:8]"),
    ("SELECT COUNTT(carrier) FROM {0}", "Function not found: COUNTT; Did you mean count? at [1:8]"),
    ("SELECT @missing, rb'a'", "Query parameter 'missing' not found at [1:8]"),
]  # fmt: skip


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT t.select FROM (SELECT 1 AS `select`) t",
        "SELECT rb'abc'",
        "SELECT event_name, (SELECT value.string_value FROM UNNEST(event_params) WHERE key = 'x') FROM {0}",
        "SELECT events.carrier, events.event_params[OFFSET(0)].value.int_value + 1, rb'a' FROM `local.{0}`",
        "SELECT n, _TABLE_SUFFIX, rb'a' FROM `{1}.days_*`",
        "SELECT n, TIMESTAMP_TRUNC(_PARTITIONTIME, DAY), _PARTITIONDATE, rb'a' FROM {1}.arrived",
        "WITH names AS (SELECT event_name FROM {1}.names) SELECT UPPER(event_name), rb'a' FROM names; -- end",
    ],
)
def test_what_only_the_emulator_refuses_is_its_limit(
    telling: Meter, events: str, dataset: str, sql: str
) -> None:
    for ask in (telling.dry_run, telling.run):
        message = refusal(ask, sql.format(events, dataset))
        assert message.startswith(LIMIT)
        assert len(message) > len(LIMIT)
        assert not re.search(r"<|sqlglot|duckdb|Exception|\w ?Error\b", message.removeprefix(LIMIT))


@pytest.mark.parametrize(("sql", "words"), SAID_BY_GOOGLE)
def test_what_both_refuse_is_said_in_googles_words(
    telling: Meter, events: str, dataset: str, sql: str, words: str
) -> None:
    for ask in (telling.dry_run, telling.run):
        assert refusal(ask, sql.format(events, dataset)) == words


def test_tables_without_a_dataset_and_parameters_are_known(telling: Meter, events: str, dataset: str) -> None:
    place = google_bigquery.DatasetReference(telling.client.project, dataset)
    named = google_bigquery.ArrayQueryParameter("days", "DATE", ["2024-01-01"])
    sql = "SELECT carrier, EXTRACT(DAY FROM @days[OFFSET(0)]), rb'a' FROM events"
    assert refusal(telling.dry_run, sql, named, default_dataset=place).startswith(LIMIT)
    positional = google_bigquery.ScalarQueryParameter(None, "INT64", 1)
    assert refusal(telling.dry_run, "SELECT 1 + ?, rb'a'", positional).startswith(LIMIT)
    words = "No matching signature for function UPPER for argument types: INT64 at [1:8]"
    assert refusal(telling.dry_run, "SELECT UPPER(?), rb'a'", positional) == words


def test_the_short_call_says_the_same(telling: Meter) -> None:
    def ask(sql: str) -> object:
        return telling.client.query(sql, api_method="QUERY", retry=None, job_retry=None)

    assert refusal(ask, "SELECT rb'abc'").startswith(LIMIT)
    with pytest.raises(BadRequest, match="division by zero"):
        ask("SELECT 1 / 0").result(retry=None, job_retry=None)  # type: ignore[attr-defined]


def test_a_failed_job_keeps_the_words_and_costs_nothing(telling: Meter, events: str) -> None:
    job = telling.client.query(
        f"SELECT carier FROM {events}", timeout=TIMEOUT_SECONDS, retry=None, job_retry=None
    )
    words = "Unrecognized name: carier; Did you mean carrier? at [1:8]"
    for known in (job, telling.client.get_job(job.job_id, timeout=TIMEOUT_SECONDS)):
        assert (known.state, known.error_result) == (
            "DONE",
            {"reason": "invalidQuery", "message": words, "location": "query"},
        )
        assert known.total_bytes_billed == 0


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1 / 0", "division by zero"),
        ("SELECT CAST('a' AS INT64)", "Could not convert string 'a' to INT64"),
        ("SELECT ERROR('a')", "a"),
        # In BigQuery's meaning of it, by the alias, the emulator needs it in other words.
        ("SELECT SUBSTR(carrier, 1, 1) AS carrier, SUM(1 / 0) FROM {0} GROUP BY carrier", "division by zero"),
    ],
)
def test_what_is_wrong_with_the_data_is_no_limit(telling: Meter, events: str, sql: str, words: str) -> None:
    assert refusal(telling.run, sql.format(events)).startswith(words)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT MAX_BY(carier, event_name) FROM {0}",  # the analyser knows no MAX_BY
        "SELECT MIN_BY(carrier, event_name), rb'a' FROM {0}",
        "CREATE TABLE {0}_more AS SELECT carier FROM {0}",
    ],
)
def test_what_the_analyser_cannot_tell_is_left_to_the_emulator(
    meter: Meter, telling: Meter, events: str, sql: str
) -> None:
    for plain, told in ((meter.dry_run, telling.dry_run), (meter.run, telling.run)):
        assert refusal(told, sql.format(events)) == refusal(plain, sql.format(events))


def test_a_script_is_left_to_the_emulator(meter: Meter, telling: Meter, events: str) -> None:
    sql = f"SELECT 1; SELECT carier FROM {events}"
    assert refusal(telling.run, sql) == refusal(meter.run, sql)


def test_a_table_that_is_missing_is_not_found(telling: Meter, dataset: str) -> None:
    with pytest.raises(NotFound, match="Not found: Table"):
        telling.dry_run(f"SELECT x FROM {dataset}.nope")


@pytest.mark.parametrize("fault", ["no folder", "not its file"])
def test_without_the_analyser_the_emulators_words_stand(meter: Meter, tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "analyser"
    if fault == "no folder":
        folder.touch()
    else:
        folder.mkdir()
        compiled_path(folder).write_bytes(b"no module")
    with gate_before(meter.server, tmp_path / "gate", folder) as server:
        told = Meter(server)
        for _ in range(2):
            assert refusal(told.dry_run, "SELECT rb'abc'") == refusal(meter.dry_run, "SELECT rb'abc'")
        assert told.bytes_of("SELECT 1") == 0
