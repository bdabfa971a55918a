"""The few statements that serving needs, without the ORM, whose import alone takes longer than a cold start may."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pg8000.exceptions
from opentelemetry import trace

from shared.database.connection.connecting import Connection, connect, make_session_arguments, read_address
from shared.database.connection.failures import BUSY, is_connection_lost, translate_failure
from shared.database.connection.reach import DatabaseReach
from shared.errors import DependencyUnavailableError
from shared.json_values import JsonObject
from shared.settings import Settings

_FIND_SESSION = """
SELECT s.id, s.user_id, u.email, u.display_name, s.last_used_at, s.expires_at, s.absolute_expires_at
FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.token_sha256 = %s AND s.revoked_at IS NULL AND s.expires_at > %s AND s.absolute_expires_at > %s
AND u.disabled_at IS NULL
"""
_TOUCH_SESSION = """
UPDATE sessions SET last_used_at = greatest(last_used_at, %s),
expires_at = least(greatest(expires_at, %s), absolute_expires_at) WHERE id = %s
"""
_FIND_DEFINITIONS = """
SELECT d.slug, v.version, v.definition
FROM dashboards_index d JOIN dashboard_versions v ON v.dashboard_id = d.id AND v.version = d.current_version
WHERE d.slug = ANY(%s) AND d.deleted_at IS NULL
"""
_FIND_PAYLOAD = """
WITH found AS (
    SELECT p.id, p.blob_path, p.checked_at, p.updated_at, p.read_at
    FROM payloads p JOIN dashboards_index d ON d.id = p.dashboard_id
    WHERE d.slug = %s AND d.deleted_at IS NULL AND p.version = %s AND p.variant_hash = %s
), noted AS (
    UPDATE payloads SET read_at = %s FROM found WHERE payloads.id = found.id AND found.read_at < %s
)
SELECT blob_path, checked_at, updated_at FROM found
"""
_DISCARD_PAYLOAD = "UPDATE payloads SET etag = '' WHERE blob_path = %s AND etag <> ''"
READ_NOTED_EVERY = timedelta(minutes=1)
"""A payload's `read_at` is right to within this time: noting every read would make each of them a write."""
_tracer = trace.get_tracer(__name__)


@dataclass(frozen=True)
class OpenSession:
    """A session that is good now, with its user."""

    id: UUID
    user_id: UUID
    email: str
    display_name: str
    last_used_at: datetime
    expires_at: datetime
    absolute_expires_at: datetime


class QuickReads:
    """Statements of their own transaction, one at a time over one connection, opened with the first of them.

    One is enough: what they answer is remembered for seconds, and each takes about a millisecond.

    Each can be repeated without harm, so one that meets a connection lost while it lay idle is repeated once.
    All raise DependencyUnavailableError when PostgreSQL cannot be reached or does not answer in time.
    """

    def __init__(self, settings: Settings, application_name: str, reach: DatabaseReach | None = None) -> None:
        self._reach = reach or DatabaseReach(settings.database_connect_timeout_seconds)
        self._settings = settings
        self._application_name = application_name
        self._wait_seconds = settings.database_statement_timeout_seconds
        self._turn = threading.Lock()
        self._idle: Connection | None = None

    def find_session(self, token_sha256: bytes, now: datetime) -> OpenSession | None:
        """The session of a token, unless it is expired or revoked or its user is disabled."""
        rows = self._run(_FIND_SESSION, [token_sha256, now, now])
        return OpenSession(*rows[0]) if rows else None

    def touch_session(self, session_id: UUID, last_used_at: datetime, expires_at: datetime) -> None:
        """Slide the expiry of a session; a touch never moves it back, so that late ones do no harm."""
        self._run(_TOUCH_SESSION, [last_used_at, expires_at, session_id])

    def find_definitions(self, slugs: Sequence[str]) -> dict[str, tuple[int, JsonObject]]:
        """The current version of each live dashboard of `slugs`, and its definition."""
        rows = self._run(_FIND_DEFINITIONS, [list(slugs)]) if slugs else []
        return {slug: (version, definition or {}) for slug, version, definition in rows}

    def find_payload(
        self, slug: str, version: int, variant_hash: str, now: datetime
    ) -> tuple[str, datetime, datetime] | None:
        """Where a variant's payload lies, when it was last checked and when that was written.

        Notes that it was read at `now`.
        """
        values = [slug, version, variant_hash, now, now - READ_NOTED_EVERY]
        rows = self._run(_FIND_PAYLOAD, values)
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    def discard_payload(self, blob_path: str) -> None:
        """Have the payload that lies at `blob_path`, and cannot be read there, built anew by the next refresh.

        A refresh keeps what has the content's name already; without one it is no content's.
        """
        self._run(_DISCARD_PAYLOAD, [blob_path])

    def close(self) -> None:
        """Close the connection; the next statement opens a new one."""
        connection, self._idle = self._idle, None
        if connection is not None:
            connection.close()

    def _run(self, statement: str, parameters: Sequence[object]) -> Sequence[Sequence[Any]]:
        self._reach.require()
        attributes = {"db.system": "postgresql"}
        with (
            _tracer.start_as_current_span("postgres.statement", attributes=attributes),
            self._borrow() as idle,
            # Who had the connection before may have found out that nobody answers.
            self._reach.trying(),
        ):
            return self._try_translated(statement, parameters, idle)

    def _try_translated(
        self, statement: str, parameters: Sequence[object], idle: Connection | None
    ) -> Sequence[Sequence[Any]]:
        try:
            return self._try_twice(statement, parameters, idle)
        except pg8000.exceptions.Error as error:
            if translated := translate_failure(error):
                raise translated from error
            raise

    def _try_twice(
        self, statement: str, parameters: Sequence[object], idle: Connection | None
    ) -> Sequence[Sequence[Any]]:
        try:
            return self._try(statement, parameters, idle or self._connect())
        except pg8000.exceptions.Error as error:
            if idle is None or not is_connection_lost(error):
                raise
        return self._try(statement, parameters, self._connect())

    @contextmanager
    def _borrow(self) -> Iterator[Connection | None]:
        if not self._turn.acquire(timeout=self._wait_seconds):
            raise DependencyUnavailableError(BUSY)
        try:
            idle, self._idle = self._idle, None
            yield idle
        finally:
            self._turn.release()

    def _try(
        self, statement: str, parameters: Sequence[object], connection: Connection
    ) -> Sequence[Sequence[Any]]:
        try:
            cursor = connection.cursor()
            cursor.execute(statement, parameters)
            rows = list(cursor.fetchall()) if cursor.description else []
        except BaseException:
            connection.close()
            raise
        self._idle = connection
        return rows

    def _connect(self) -> Connection:
        url = self._settings.database_url.get_secret_value()
        arguments = {**read_address(url), **make_session_arguments(self._settings, self._application_name)}
        connection = connect({**arguments, "timeout": self._reach.remaining_seconds()})
        connection.autocommit = True
        # These statements take milliseconds: a server that is silent for longer than connecting may take hangs.
        connection.set_read_timeout(self._reach.patience_seconds)
        return connection
