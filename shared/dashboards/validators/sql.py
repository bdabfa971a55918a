"""SQL without a warehouse: it parses, it is one SELECT, it has no positional parameters.

In a file of its own, its path stays inside the folder, and the file is there.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from shared.dashboards.diagnostics.diagnostic import (
    Diagnostic,
    DiagnosticCode,
    Severity,
    quote_names,
    suggest_name,
)
from shared.dashboards.validators.base import replace_text, report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.sql_positions import locate_sql
from shared.dashboards.yaml.positions import LineIndex
from shared.dashboards.yaml.text import describe_odd_character, find_odd_character
from shared.sql.text import SqlProblem, SqlProblemKind, find_sql_problem

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
}


class SqlValidator:
    """The first problem of each query's SQL."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most one diagnostic per query, at its place in the YAML or SQL file."""
        for query, sql in document.sql_texts.items():
            problem = find_sql_problem(sql)
            if problem is not None:
                yield _describe(document, query, problem)


def _describe(document: ParsedDashboard, query: str, problem: SqlProblem) -> Diagnostic:
    place = locate_sql(document, query, problem.start, problem.end)
    sql = document.sql_texts[query]
    message = problem.message
    if problem.kind is SqlProblemKind.STATEMENT:
        message = (
            f"this is {message}, not a SELECT" if message.startswith("a") else f"these are {message}, not one"
        )
    return report(
        document,
        _CODES[problem.kind],
        message,
        _REMEDIES[problem.kind],
        place.pointer,
        span=place.span,
        path=place.path,
        received=sql[problem.start : problem.end][:80] or None,
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
