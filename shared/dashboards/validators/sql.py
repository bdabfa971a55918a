"""SQL without a warehouse: it parses, it is one SELECT, it has no positional parameters."""

from collections.abc import Iterable

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.sql_positions import locate_sql
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
