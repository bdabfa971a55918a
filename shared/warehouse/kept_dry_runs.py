"""What dry runs said of queries whose tables are as they were: that prices plans, and never admits a job.

An answer is kept where it hangs on nothing but what is watched: the text and its values (the fingerprint), the tables
(their times, schemas and sizes) and the conditions of this environment and release. It ends by age all the same: not
every cause of another answer moves a table's time, as who may read which rows, or how BigQuery estimates.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from shared.database.models.runs import KeptDryRun
from shared.database.unit_of_work import Database
from shared.errors import AlmanacError
from shared.settings import Settings
from shared.warehouse.models.queries import DryRun, QueryRequest
from shared.warehouse.source_state import SourceState, SourceStateReader
from shared.warehouse.spending.pricing import bound_dry_run

MOST_BYTES = 100_000
"""Of an answer as JSON: thousands of columns are asked for anew."""
_CLOCK_SKEW = timedelta(minutes=5)
# Raise it when the same query under the same conditions gets another plan.
_FORM = 1
_ANSWERS = TypeAdapter(DryRun)
_LOGGER = logging.getLogger(__name__)


class DryRunKeeper:
    """Finds kept answers that still hold, and keeps new ones."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._conditions = _hash_conditions(settings)

    def find(self, requests: Iterable[QueryRequest], reader: SourceStateReader) -> dict[str, DryRun]:
        """By fingerprint the plans of those requests whose answer is kept and would be the same today."""
        asked = {request.fingerprint: request for request in requests if request.fingerprint}
        kept = self._read(list(asked)) if self._settings.dry_run_kept_seconds else {}
        answers = {key: answer for key, row in kept.items() if (answer := _decode(row)) is not None}
        states = reader.read_states({key: answer.tables for key, answer in answers.items()})
        return {
            key: bound_dry_run(self._settings, asked[key], replace(answer, kept_from=kept[key].asked_at))
            for key, answer in answers.items()
            if states[key].watchable and states[key].digest == kept[key].source_sha256
        }

    def keep(
        self,
        requests: Sequence[QueryRequest],
        answers: Sequence[DryRun | AlmanacError],
        reader: SourceStateReader,
    ) -> None:
        """Keep what was answered just now, as far as it will hold until a table changes."""
        if not self._settings.dry_run_kept_seconds:
            return
        lasting = {
            request.fingerprint: answer
            for request, answer in zip(requests, answers, strict=True)
            if request.fingerprint and isinstance(answer, DryRun) and _is_lasting(answer)
        }
        states = reader.read_states({key: answer.tables for key, answer in lasting.items()})
        rows = [
            row
            for key, answer in lasting.items()
            if (row := self._make_row(key, answer, states[key])) is not None
        ]
        if rows:
            with self._database.begin() as uow:
                uow.kept_dry_runs.upsert_many(rows)

    def _read(self, fingerprints: Sequence[str]) -> Mapping[str, KeptDryRun]:
        if not fingerprints:
            return {}
        now = self._clock()
        oldest = now - timedelta(seconds=self._settings.dry_run_kept_seconds)
        with self._database.begin() as uow:
            # One from the future was written by a clock that nobody can tell its age by.
            return uow.kept_dry_runs.get_many(fingerprints, self._conditions, oldest, now + _CLOCK_SKEW)

    def _make_row(self, fingerprint: str, answer: DryRun, state: SourceState) -> KeptDryRun | None:
        """None when nobody can say later whether it still holds, or the tables changed while it was asked for."""
        if answer.asked_at is None or not state.watchable or not state.is_from_before(answer.asked_at):
            return None
        encoded = _ANSWERS.dump_python(answer, mode="json")
        if len(json.dumps(encoded)) > MOST_BYTES:
            return None
        return KeptDryRun(
            fingerprint=fingerprint,
            conditions_sha256=self._conditions,
            source_sha256=state.digest,
            answer=encoded,
            asked_at=answer.asked_at,
        )


def _is_lasting(answer: DryRun) -> bool:
    """False for what changes without a table: bytes nobody tells, the day's date, what a stored routine does."""
    return answer.bytes_estimated is not None and answer.deterministic and not answer.routines


def _decode(row: KeptDryRun) -> DryRun | None:
    """The answer as it was kept; None for one that this release cannot read, which is then asked for."""
    try:
        return _ANSWERS.validate_python(row.answer)
    except ValidationError as error:
        _LOGGER.warning(
            "The kept dry run of %s cannot be read: %s", row.fingerprint, error.errors()[0]["msg"]
        )
        return None


def _hash_conditions(settings: Settings) -> str:
    """What besides the query and its tables decides what is said of it: a release may judge by other rules."""
    conditions = [
        _FORM,
        settings.service_version,
        settings.google_cloud_project,
        settings.bigquery_location,
        sorted(settings.allowed_datasets),
        sorted(settings.allowed_routines),
    ]
    return hashlib.sha256(json.dumps(conditions).encode()).hexdigest()
