"""What a validator says about a dashboard file, and every code it may say it with."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is: only an error makes a dashboard invalid."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class DiagnosticCode(StrEnum):
    """Every code a diagnostic may carry; `explanation` says in one line what it means."""

    explanation: str

    def __new__(cls, value: str, explanation: str) -> "DiagnosticCode":
        """A member whose value is the code and which carries its explanation."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member

    # --- the file as YAML
    YAML_TOO_LARGE = "YAML_TOO_LARGE", "The file is larger than the service reads."
    YAML_ENCODING = "YAML_ENCODING", "The file is not UTF-8 text, or holds a control character."
    BIDI_CONTROL = "BIDI_CONTROL", "An invisible character changes the direction in which text is shown."
    YAML_SYNTAX = "YAML_SYNTAX", "The file is not YAML."
    YAML_TAB = "YAML_TAB", "A tab character indents the line; YAML indents with spaces."
    YAML_EMPTY = "YAML_EMPTY", "The file holds nothing, or something that is not a mapping."
    YAML_MULTIPLE_DOCUMENTS = "YAML_MULTIPLE_DOCUMENTS", "The file holds more than one YAML document."
    YAML_DUPLICATE_KEY = "YAML_DUPLICATE_KEY", "A mapping has the same key twice."
    YAML_ANCHOR = "YAML_ANCHOR", "Anchors, aliases and merge keys are not read."
    YAML_TAG = "YAML_TAG", "Tags are not read."
    YAML_KEY = "YAML_KEY", "A key is not plain text."
    YAML_NUMBER = "YAML_NUMBER", "A number that JSON cannot carry."
    YAML_TOO_DEEP = "YAML_TOO_DEEP", "The file nests deeper, or holds more values, than the service reads."

    # --- the shape
    UNKNOWN_KEY = "UNKNOWN_KEY", "A key the format does not have."
    MISSING_KEY = "MISSING_KEY", "A required key is absent."
    WRONG_TYPE = "WRONG_TYPE", "A value of another type than the key takes."
    INVALID_VALUE = "INVALID_VALUE", "A value outside what the key takes."
    INVALID_NAME = "INVALID_NAME", "A name, id or slug with characters or a length that is not accepted."
    INVALID_DURATION = "INVALID_DURATION", "A duration that does not parse."
    INVALID_SIZE = "INVALID_SIZE", "A size in bytes that does not parse."
    UNSUPPORTED_VERSION = "UNSUPPORTED_VERSION", "A version of the format this service does not read."
    QUERY_SOURCE = "QUERY_SOURCE", "A query has neither sql nor file, or both."

    # --- names
    RESERVED_SLUG = "RESERVED_SLUG", "The slug is the name of a route."
    FILE_NAME_MISMATCH = "FILE_NAME_MISMATCH", "The file is not called <slug>.yaml."
    DUPLICATE_SLUG = "DUPLICATE_SLUG", "Two files have the same slug."
    DUPLICATE_CHART = "DUPLICATE_CHART", "Two charts have the same id."
    DUPLICATE_PARAMETER = "DUPLICATE_PARAMETER", "Two parameters have the same name."
    TEXT_CUT = "TEXT_CUT", "YAML reads the end of a text as a comment."

    # --- references
    UNKNOWN_QUERY = "UNKNOWN_QUERY", "A chart names a query that does not exist."
    UNUSED_QUERY = "UNUSED_QUERY", "No chart reads the query."
    UNKNOWN_CHART = "UNKNOWN_CHART", "The layout names a chart that does not exist."
    CHART_NOT_LAID_OUT = "CHART_NOT_LAID_OUT", "The chart is in no row of the layout, so nobody sees it."
    CHART_LAID_OUT_TWICE = "CHART_LAID_OUT_TWICE", "The chart is in the layout more than once."
    ROW_TOO_WIDE = "ROW_TOO_WIDE", "The cells of a row need more than twelve columns."

    # --- parameters
    UNKNOWN_PARAMETER = "UNKNOWN_PARAMETER", "SQL uses a parameter that is not declared."
    UNUSED_PARAMETER = "UNUSED_PARAMETER", "No query uses the parameter."
    RESERVED_PARAMETER = "RESERVED_PARAMETER", "The parameter has a name that the URL of /data uses itself."
    INVALID_PARAMETER_TYPE = "INVALID_PARAMETER_TYPE", "Not a BigQuery type a parameter may have."
    INVALID_PARAMETER_VALUE = "INVALID_PARAMETER_VALUE", "A default or a listed value does not fit the type."
    PARAMETER_WITHOUT_DEFAULT = "PARAMETER_WITHOUT_DEFAULT", "A parameter has neither default nor values."
    DEFAULT_NOT_LISTED = "DEFAULT_NOT_LISTED", "The default is not among the values."
    DUPLICATE_VALUE = "DUPLICATE_VALUE", "A parameter lists the same value twice."
    TOO_MANY_VARIANTS = (
        "TOO_MANY_VARIANTS",
        "The listed values make more combinations than are computed ahead.",
    )

    # --- refresh and budget
    INVALID_SCHEDULE = "INVALID_SCHEDULE", "The schedule is not a cron expression of five fields."
    SCHEDULE_TOO_OFTEN = "SCHEDULE_TOO_OFTEN", "The schedule comes more often than what is due is looked for."
    INVALID_TIME_ZONE = "INVALID_TIME_ZONE", "Not an IANA time zone."
    STALE_BEFORE_AGED = "STALE_BEFORE_AGED", "max_stale is shorter than max_age."
    BUDGET_ORDER = "BUDGET_ORDER", "A narrower budget is larger than a wider one."
    CAP_TOO_LOW = "CAP_TOO_LOW", "A query is billed more than its cap, so it never runs."
    REFRESH_OVER_BUDGET = "REFRESH_OVER_BUDGET", "A refresh needs more than a budget it counts against."
    ROWS_OVER_LIMIT = "ROWS_OVER_LIMIT", "max_rows is over the environment's limit."

    # --- SQL
    SQL_SYNTAX = "SQL_SYNTAX", "The SQL does not parse."
    SQL_EMPTY = "SQL_EMPTY", "The SQL holds no statement."
    SQL_STATEMENT = "SQL_STATEMENT", "The SQL is not exactly one SELECT."
    SQL_POSITIONAL_PARAMETER = "SQL_POSITIONAL_PARAMETER", "The SQL uses ? where only @name is accepted."
    SQL_SESSION_USER = (
        "SQL_SESSION_USER",
        "SESSION_USER() is the service's account, the same for every reader.",
    )
    SQL_CLOCK_IN_UTC = (
        "SQL_CLOCK_IN_UTC",
        "CURRENT_DATE() and its like are UTC's: the file names no time zone.",
    )
    SQL_SWALLOWED = "SQL_SWALLOWED", "YAML joins lines to a comment of the SQL, so the query lacks them."
    SQL_REFUSED = (
        "SQL_REFUSED",
        "The query guard, or BigQuery in a dry run, refuses what the SQL reads, calls or returns.",
    )
    SQL_NOT_CHECKED = "SQL_NOT_CHECKED", "BigQuery did not answer the dry run in time: try again."
    PARTITION_NOT_FILTERED = (
        "PARTITION_NOT_FILTERED",
        "A partitioned table is read whole, because nothing filters on its partitioning column.",
    )
    FILE_PATH_UNSAFE = "FILE_PATH_UNSAFE", "file: leads out of the dashboards folder."
    FILE_UNREADABLE = "FILE_UNREADABLE", "The file named by file: cannot be read."
    FILE_MISSING = "FILE_MISSING", "The file named by file: was not found or not sent."

    # --- charts
    UNKNOWN_MARK = "UNKNOWN_MARK", "Not a Vega-Lite mark."
    UNSUPPORTED_MARK = "UNSUPPORTED_MARK", "A Vega-Lite mark that needs more than the rows of a query."
    UNKNOWN_CHANNEL = "UNKNOWN_CHANNEL", "Not a Vega-Lite encoding channel."
    VEGA_LITE_UNKNOWN_PROPERTY = "VEGA_LITE_UNKNOWN_PROPERTY", "A property Vega-Lite does not have there."
    VEGA_LITE_INVALID = "VEGA_LITE_INVALID", "A value Vega-Lite does not accept there."
    EXTERNAL_DATA = "EXTERNAL_DATA", "A chart loads data of its own instead of its query's."
    UNSAFE_CHART = "UNSAFE_CHART", "A chart that would leave its cell, or take the time of its page."
    EXPRESSION_SYNTAX = (
        "EXPRESSION_SYNTAX",
        "A Vega expression, or a name of events, that Vega does not read.",
    )
    UNKNOWN_FUNCTION = "UNKNOWN_FUNCTION", "An expression calls a function that Vega does not have."
    UNKNOWN_CHART_PARAMETER = (
        "UNKNOWN_CHART_PARAMETER",
        "A condition, a filter or an expression names a parameter that the chart does not have.",
    )
    UNKNOWN_FIELD = "UNKNOWN_FIELD", "A chart uses a column its query does not return."
    FIELD_TYPE_MISMATCH = (
        "FIELD_TYPE_MISMATCH",
        "A column's BigQuery type does not fit how the chart uses it.",
    )


@dataclass(frozen=True)
class Span:
    """A stretch of a file; lines and columns count from 1, the end column is one past the last character."""

    line: int
    column: int
    end_line: int
    end_column: int


START = Span(1, 1, 1, 1)


@dataclass(frozen=True)
class Edit:
    """A mechanical fix: replace the stretch by `new_text`."""

    line: int
    column: int
    end_line: int
    end_column: int
    new_text: str


@dataclass(frozen=True)
class Diagnostic:
    """One finding. Positions as in `Span`; `pointer` is a JSON pointer into the file."""

    code: DiagnosticCode
    severity: Severity
    message: str
    remediation: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    pointer: str = ""
    received: str | None = None
    allowed: tuple[str, ...] = field(default=())
    suggestion: str | None = None
    edit: Edit | None = None

    @property
    def span(self) -> Span:
        """Where it is."""
        return Span(self.line, self.column, self.end_line, self.end_column)

    def to_dict(self) -> dict[str, object]:
        """The JSON object of this diagnostic, always with the same keys."""
        return {
            **asdict(self),
            "code": self.code.value,
            "severity": self.severity.value,
            "allowed": list(self.allowed),
        }


def sort_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics by file, position, severity and code, without exact repeats."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=_sort_key))


def suggest_name(received: str, allowed: Iterable[str]) -> str | None:
    """The accepted name `received` was most likely meant to be, or None."""
    by_lower = {name.lower(): name for name in allowed}
    close = difflib.get_close_matches(received.lower()[:100], list(by_lower), n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def quote_names(names: Sequence[str], limit: int = 12) -> str:
    """Names for a message: at most `limit` of them, comma separated."""
    shown = ", ".join(names[:limit])
    return f"{shown}, … ({len(names)} in all)" if len(names) > limit else shown


_SEVERITY_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def _sort_key(diagnostic: Diagnostic) -> tuple[str, int, int, int, str, str]:
    severity = _SEVERITY_ORDER[diagnostic.severity]
    position = (diagnostic.path, diagnostic.line, diagnostic.column)
    return (*position, severity, diagnostic.code.value, diagnostic.pointer)
