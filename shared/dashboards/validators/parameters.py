"""Parameters: declared and used, defaults and values, and how many variants they make."""

import re
from collections.abc import Iterable, Iterator

from shared.dashboards.definition.document import ParameterDefinition
from shared.dashboards.definition.head import QUERY_CHOICE, count_variants
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Edit, Severity, suggest_name
from shared.dashboards.validators.base import replace_span, report, show_value
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.sql_positions import SqlPlace, locate_sql, read_place
from shared.sql.text import ParameterUse, read_sql

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ParameterNameValidator:
    """Names that mean something else in the URL of the data."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """An error at each parameter called as what chooses a query."""
        for pointer, item in document.parameters():
            if item.get("name") == QUERY_CHOICE:
                yield report(
                    document,
                    DiagnosticCode.RESERVED_PARAMETER,
                    f"/data/{document.slug or '<slug>'}?{QUERY_CHOICE}= already names one of the queries",
                    "Choose another name for the parameter.",
                    f"{pointer}/name",
                    received=QUERY_CHOICE,
                )


class ParameterUseValidator:
    """Parameters that SQL uses and nobody declared, and the other way round."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """An error at each undeclared use; a warning per unused parameter, when all SQL could be read."""
        declared = [name for _, item in document.parameters() if isinstance(name := item.get("name"), str)]
        used: set[str] = set()
        for query, sql in document.sql_texts.items():
            for use in read_sql(sql).parameters:
                used.add(use.name)
                if use.name not in declared:
                    yield _report_undeclared(document, query, use, declared)
        if set(document.query_names()) <= set(document.sql_texts):
            yield from _find_unused(document, used)


class ParameterValueValidator:
    """Defaults outside the list, values listed twice."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """Compares canonical values, so `1.50` and `1.5` are the same NUMERIC."""
        if document.definition is None:
            return
        for index, parameter in enumerate(document.definition.parameters):
            pointer = f"/parameters/{index}"
            yield from _check_default(document, pointer, parameter)
            values = parameter.values or []
            for at, value in enumerate(values):
                if value in values[:at]:
                    message = f"the value {show_value(value)} is listed twice"
                    place = f"{pointer}/values/{at}"
                    yield report(
                        document, DiagnosticCode.DUPLICATE_VALUE, message, "Remove one.", place,
                        severity=Severity.WARNING, received=show_value(value),
                    )  # fmt: skip


class VariantCountValidator:
    """The number of combinations that are computed ahead."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """At most one error, at `parameters`."""
        definition, limit = document.definition, document.limits.max_variants
        if definition is None or (count := count_variants(definition)) <= limit:
            return
        sizes = " x ".join(f"{len(item.listed_values)} {item.name}" for item in definition.parameters)
        yield report(
            document,
            DiagnosticCode.TOO_MANY_VARIANTS,
            f"the values make {count} variants ({sizes}); at most {limit} are computed ahead",
            "List fewer values, or set allow_other and list only the common ones.",
            "/parameters",
            received=str(count),
            allowed=[f"at most {limit}"],
        )


def _report_undeclared(
    document: ParsedDashboard, query: str, use: ParameterUse, declared: list[str]
) -> Diagnostic:
    place = locate_sql(document, query, use.start, use.end)
    suggestion = suggest_name(use.name, declared)
    add = f"Declare it: '- {{name: {use.name}, type: STRING, default: …}}' under parameters."
    return report(
        document,
        DiagnosticCode.UNKNOWN_PARAMETER,
        f"the parameter @{use.name} is not declared",
        f"Did you mean @{suggestion}?" if suggestion else add,
        place.pointer,
        span=place.span,
        path=place.path,
        received=use.name,
        allowed=declared,
        suggestion=suggestion,
        edit=_rename(document, query, place, use, suggestion) if suggestion else None,
    )


def _rename(
    document: ParsedDashboard, query: str, place: SqlPlace, use: ParameterUse, name: str
) -> Edit | None:
    """The edit of one use; None when it cannot be found as it is in the file, for example behind an escape."""
    is_there = read_place(document, query, place).lower() == f"@{use.name}"
    return replace_span(place.span, f"@{name}") if is_there and _PARAMETER.fullmatch(name) else None


def _find_unused(document: ParsedDashboard, used: set[str]) -> Iterator[Diagnostic]:
    for pointer, item in document.parameters():
        name = item.get("name")
        if isinstance(name, str) and name not in used:
            yield report(
                document,
                DiagnosticCode.UNUSED_PARAMETER,
                f"no query uses @{name}",
                "Use it in SQL, or remove it: its values only multiply the variants.",
                f"{pointer}/name",
                severity=Severity.WARNING,
                received=name,
            )


def _check_default(
    document: ParsedDashboard, pointer: str, parameter: ParameterDefinition
) -> Iterator[Diagnostic]:
    values = parameter.values
    if values is None or parameter.allow_other or parameter.default_value in values:
        return
    yield report(
        document,
        DiagnosticCode.DEFAULT_NOT_LISTED,
        f"the default {show_value(parameter.default_value)} is not among the values",
        "Add it to values, or choose one of them.",
        f"{pointer}/default",
        received=show_value(parameter.default_value),
        allowed=[show_value(value) for value in values[:50]],
        suggestion=suggest_name(str(parameter.default_value), [str(value) for value in values]),
    )
