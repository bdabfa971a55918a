"""SQL without a warehouse: every rule of the guard that needs none, so that what passes here is not refused later.

In a file of its own, its path stays inside the folder, and the file is there.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from shared.dashboards.definition.limits import SqlPolicy
from shared.dashboards.diagnostics.diagnostic import (
    Diagnostic,
    DiagnosticCode,
    Severity,
    quote_names,
    suggest_name,
)
from shared.dashboards.validators.base import replace_span, replace_text, report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.sql_positions import locate_sql
from shared.dashboards.validators.yaml_losses import find_swallowed
from shared.dashboards.yaml.positions import LineIndex, describe_odd_character, find_odd_character
from shared.errors import AlmanacError
from shared.sql.text import SqlProblem, SqlProblemKind, make_problems, read_sql

if TYPE_CHECKING:
    from shared.warehouse.guard.guard import QueryGuard

_CODES = {
    SqlProblemKind.SYNTAX: DiagnosticCode.SQL_SYNTAX,
    SqlProblemKind.EMPTY: DiagnosticCode.SQL_EMPTY,
    SqlProblemKind.STATEMENT: DiagnosticCode.SQL_STATEMENT,
    SqlProblemKind.POSITIONAL_PARAMETER: DiagnosticCode.SQL_POSITIONAL_PARAMETER,
}
_REMEDIES = {
    SqlProblemKind.SYNTAX: "Correct the SQL; it is BigQuery's dialect.",
    SqlProblemKind.EMPTY: "Write a SELECT.",
    SqlProblemKind.STATEMENT: "Write exactly one SELECT; WITH is fine.",
    SqlProblemKind.POSITIONAL_PARAMETER: "Declare a parameter and use it as @name.",
    SqlProblemKind.SIZE: "Split it with WITH, or move long lists into a table.",
    SqlProblemKind.FUNCTION: "docs/sql.md lists the functions; ALLOWED_ROUTINES allows stored ones.",
    SqlProblemKind.TABLE: "Read tables of the datasets in ALLOWED_DATASETS, by name.",
    SqlProblemKind.COLUMN_NAME: "Give the column another name with AS.",
}


class SqlValidator:
    """What the guard says to each query's SQL, and what it lets through that means something else here."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """Every violation of the gravest kind per query, at its place in the YAML or SQL file."""
        guard = make_guard(document.limits.sql_policy)
        dataset = document.root.get("dataset")
        default_dataset = dataset if isinstance(dataset, str) and dataset else None
        for query, sql in document.sql_texts.items():
            if "\0" in sql:
                continue  # the validators of files and of YAML say where
            swallowed = list(find_swallowed(document, query, sql))
            if swallowed:
                yield from swallowed  # what is left is not what was written
                continue
            try:
                guard.admit(sql, default_dataset)
            except AlmanacError as error:
                for problem in make_problems(sql, error):
                    yield _describe(document, query, problem, error.code.value)
            else:
                yield from _find_sessions(document, query, sql)
                if document.root.get("time_zone") is None:
                    yield from _find_clocks(document, query, sql)


@lru_cache(maxsize=8)
def make_guard(policy: SqlPolicy | None) -> "QueryGuard":
    """The guard of a policy, one for all files. Raises ValueError when one of its datasets is no name of one."""
    # The parser costs 150 ms; reading a definition does not need it.
    from shared.warehouse.guard.guard import GuardPolicy, QueryGuard

    known = policy or SqlPolicy("")
    return QueryGuard(GuardPolicy(known.project, known.datasets, known.routines))


def _describe(document: ParsedDashboard, query: str, problem: SqlProblem, error: str) -> Diagnostic:
    place = locate_sql(document, query, problem.start, problem.end)
    code = _CODES.get(problem.kind, DiagnosticCode.SQL_REFUSED)
    written = document.sql_texts[query][problem.start : problem.end][:80]
    in_place = problem.suggestion and place.path == document.source.path
    return report(
        document,
        code,
        problem.message,
        problem.remediation or _REMEDIES[problem.kind],
        place.pointer,
        span=place.span,
        path=place.path,
        received=error if code is DiagnosticCode.SQL_REFUSED else written or None,
        suggestion=problem.suggestion,
        edit=replace_span(place.span, problem.suggestion) if in_place and problem.suggestion else None,
    )


def _find_sessions(document: ParsedDashboard, query: str, sql: str) -> Iterator[Diagnostic]:
    """A warning at each SESSION_USER(): results are computed ahead, by one account for all."""
    for start, end in read_sql(sql).session_users:
        place = locate_sql(document, query, start, end)
        yield report(
            document,
            DiagnosticCode.SQL_SESSION_USER,
            "SESSION_USER() is the service's own account, whoever looks at the dashboard",
            "Leave it out; what a reader may see is decided by who may open the dashboard.",
            place.pointer,
            span=place.span,
            path=place.path,
            severity=Severity.WARNING,
            received=sql[start:end],
        )


def _find_clocks(document: ParsedDashboard, query: str, sql: str) -> Iterator[Diagnostic]:
    """A warning at each function that asks what day it is: without a zone in the file, jobs run in UTC."""
    for start, end in read_sql(sql).clocks:
        place = locate_sql(document, query, start, end)
        name = sql[start:end].upper()
        yield report(
            document,
            DiagnosticCode.SQL_CLOCK_IN_UTC,
            f"{name}() is UTC's: the file names no time zone",
            f"Write time_zone: in the file, or {name}('America/New_York') with a zone of your own.",
            place.pointer,
            span=place.span,
            path=place.path,
            severity=Severity.WARNING,
        )


_CHARACTERS = re.compile(r"[A-Za-z0-9_./-]+")


class SqlFileValidator:
    """Every `file:` of a query."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most one diagnostic per query."""
        for pointer, _, query in document.queries():
            name = query.get("file")
            if isinstance(name, str) and name:
                yield from _check_file(document, f"{pointer}/file", name)


def describe_unsafe_path(name: str) -> str | None:
    """Why `name` is not a path inside the dashboards folder that is the same on every system, or None."""
    if "\\" in name:
        return "a path is written with /"
    if re.match(r"[A-Za-z]:", name) or name.startswith(("/", "~")):
        return "the path must be relative to this file"
    parts = name.split("/")
    if ".." in parts:
        return "the path must not lead upwards"
    if any(part in ("", ".") or part.startswith(".") for part in parts):
        return "the path has an empty part, or one that begins with a dot"
    if not _CHARACTERS.fullmatch(name):
        return "a path is made of letters, digits and _ - . /"
    return None if name.endswith(".sql") else "the file must end in .sql"


def _check_file(document: ParsedDashboard, pointer: str, name: str) -> Iterable[Diagnostic]:
    source = document.source
    unsafe = describe_unsafe_path(name)
    if unsafe is not None:
        remedy = "Write a path below the folder of this file, for example sql/daily.sql."
        yield report(document, DiagnosticCode.FILE_PATH_UNSAFE, unsafe, remedy, pointer, received=name[:200])
    elif name in source.file_errors:
        message = f"{name} cannot be read: {source.file_errors[name]}"
        remedy = "Put a plain text file there."
        yield report(document, DiagnosticCode.FILE_UNREADABLE, message, remedy, pointer, received=name)
    elif name not in source.files:
        suggestion = suggest_name(name, source.files)
        known = quote_names(sorted(source.files)) or "none"
        yield report(
            document,
            DiagnosticCode.FILE_MISSING,
            f"there is no file {name}",
            f"Did you mean {suggestion}?"
            if suggestion
            else f"Add it, or send it with the dashboard (sent: {known}).",
            pointer,
            received=name,
            allowed=sorted(source.files),
            suggestion=suggestion,
            edit=replace_text(document, pointer, suggestion) if suggestion else None,
        )
    elif len(source.files[name].encode("utf-8", "replace")) > document.limits.max_bytes:
        message = f"{name} is larger than {document.limits.max_bytes} bytes"
        yield report(
            document, DiagnosticCode.FILE_UNREADABLE, message, "Make it smaller.", pointer, received=name
        )
    else:
        yield from _check_characters(document, pointer, name)


def _check_characters(document: ParsedDashboard, pointer: str, name: str) -> Iterable[Diagnostic]:
    sql = document.source.files[name]
    odd = find_odd_character(sql)
    if odd is None:
        return
    message, remedy = describe_odd_character(odd)
    yield report(
        document,
        DiagnosticCode.BIDI_CONTROL if odd.misleads else DiagnosticCode.FILE_UNREADABLE,
        message,
        remedy,
        pointer,
        span=LineIndex(sql).span(odd.offset, odd.offset + 1),
        path=str(PurePosixPath(document.source.path).parent / name),
        severity=Severity.WARNING if odd.misleads else Severity.ERROR,
        received=name,
    )
