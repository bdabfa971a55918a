"""Which functions and tables a query may name, and that its values are named parameters: the policy and its rules.

The parser gives functions of many dialects classes of their own and forgets how they were spelled; what BigQuery calls
is the name in the text. So the names are judged there: whatever stands before an opening parenthesis must be on a list.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, partial

from sqlglot import exp

from shared.errors import SqlInvalidError, SqlNotAllowedError, TableNotAllowedError
from shared.settings import Settings
from shared.sql.called import find_calls, join_path, write_path
from shared.sql.lexer import Lexeme, fold_name, make_words, upper_name
from shared.sql.parsing import ParsedSql
from shared.sql.scopes import find_quoted_arrays
from shared.sql.statement import DEFAULT_BOUNDS, SqlBounds
from shared.sql.violations import Violation
from shared.warehouse.guard.functions import (
    FUNCTIONS,
    GRAMMAR_WORDS,
    NAMESPACED_FUNCTIONS,
    PARAMETERISED_TYPES,
)
from shared.warehouse.models.tables import INFORMATION_SCHEMA, TableRef, parse_dataset


@dataclass(frozen=True)
class GuardPolicy:
    """The bounds every query is held to.

    `allowed_datasets` holds `dataset` (of `project`) or `project.dataset`; none listed allows none, and None stands
    for a list that is not known here, as for who validates without a service.
    `allowed_routines` holds stored functions and table functions, `dataset.function` (of `project`) or
    `project.dataset.function`, and table functions of BigQuery's own by name, `GAP_FILL`.
    `max_depth` bounds how deeply brackets, CASE and operators may nest.
    """

    project: str
    allowed_datasets: Sequence[str] | None
    allowed_routines: Sequence[str] = ()
    max_sql_bytes: int = DEFAULT_BOUNDS.max_bytes
    max_depth: int = DEFAULT_BOUNDS.max_depth

    @cached_property
    def datasets(self) -> frozenset[tuple[str, str]]:
        """(project, dataset) of every allowed dataset. Raises ValueError when an entry is not a dataset."""
        return frozenset(parse_dataset(entry, self.project) for entry in self.allowed_datasets or ())

    @cached_property
    def routines(self) -> frozenset[str]:
        """The allowed routines with their projects, and BigQuery's own, in upper case."""
        return frozenset(self._complete(name) for name in self.allowed_routines)

    @cached_property
    def bounds(self) -> SqlBounds:
        """What the reader of SQL is held to."""
        return SqlBounds(self.max_sql_bytes, self.max_depth)

    def allows_routine(self, name: str) -> bool:
        """True when the routine of that name, with or without its project, is on the list."""
        return self._complete(name) in self.routines

    def _complete(self, name: str) -> str:
        *qualifier, dataset, routine = ["", "", *name.replace("`", "").split(".")]
        if not dataset:
            return upper_name(routine)
        project = ".".join(filter(None, qualifier)) or self.project
        return upper_name(f"{project}.{dataset}.{routine}")

    def allows(self, table: TableRef) -> bool:
        """True when the table's dataset is on the list, or nobody knows the list."""
        return self.allowed_datasets is None or (fold_name(table.project), table.dataset) in self.datasets


def make_policy(settings: Settings) -> GuardPolicy:
    """The policy of an environment."""
    return GuardPolicy(
        project=settings.google_cloud_project,
        allowed_datasets=settings.allowed_datasets,
        allowed_routines=settings.allowed_routines,
    )


@dataclass(frozen=True)
class GuardedQuery:
    """A query that passed.

    `sql` is the text as given, which is what runs; `tree` is the parser's view of it; `tables` are the
    tables, views and wildcards it names, sorted, without CTEs. `deterministic` is False when the same
    tables can give another answer tomorrow (CURRENT_DATE, RAND, TABLESAMPLE, INFORMATION_SCHEMA…).
    """

    sql: str
    tree: exp.Query
    tables: tuple[TableRef, ...]
    deterministic: bool


_UNQUALIFIED = FUNCTIONS | GRAMMAR_WORDS | PARAMETERISED_TYPES
_MODEL_NAMESPACES = frozenset({"ML", "AI", "OBJ"})
_TABLE_FUNCTIONS = frozenset(
    {"EXTERNAL_QUERY", "VECTOR_SEARCH", "APPENDS", "CHANGES", "GAP_FILL", "RANGE_SESSIONIZE", "GRAPH_TABLE"}
)


class CallRule:
    """Only BigQuery's own computing functions are called, and the routines the policy lists."""

    def __init__(self, policy: GuardPolicy) -> None:
        self._policy = policy

    def find(self, lexemes: Sequence[Lexeme]) -> Iterator[Violation]:
        """Every call of a function that is not on a list."""
        for call in find_calls(lexemes):
            if not (self._may_chain(call.path) if call.chained else self._may_call(call.path)):
                yield _refuse(call.path)

    def _may_call(self, path: list[Lexeme]) -> bool:
        name = join_path(path)
        if self._policy.allows_routine(write_path(path)):
            return True
        if any(part.kind == "quoted" for part in path):
            return False  # a quoted name is a routine's
        if len(path) == 1:
            return name in _UNQUALIFIED
        return _is_built_in(path, name)

    def _may_chain(self, path: list[Lexeme]) -> bool:
        """Words of the grammar are no functions here: `(x).IN(…)` calls a routine of that name."""
        name = join_path(path)
        if not path or (len(path) > 1 and self._policy.allows_routine(write_path(path))):
            return bool(path)
        return all(part.kind == "word" for part in path) and (name in FUNCTIONS or _is_built_in(path, name))


def _is_built_in(path: list[Lexeme], name: str) -> bool:
    if path[0].upper == "SAFE":
        rest = name.partition(".")[2]
        return rest in FUNCTIONS or rest in NAMESPACED_FUNCTIONS
    return name in NAMESPACED_FUNCTIONS


def _refuse(path: list[Lexeme]) -> Violation:
    name = write_path(path)
    first, suggestion = path[0].upper, None
    if len(path) > 1 and first in _MODEL_NAMESPACES:
        reason = "calls a model or a remote service"
    elif len(path) == 1 and first in _TABLE_FUNCTIONS:
        reason = "is a table function that is not in ALLOWED_ROUTINES"
    elif len(path) > 1 and first == "KEYS":
        reason = "handles encryption keys"
    elif "." in name:
        reason = "is a stored routine that is not in ALLOWED_ROUTINES, and may reach anything"
    else:
        reason = "is not one of BigQuery's own functions that are known to only compute"
        suggestion = next(iter(get_close_matches(first, FUNCTIONS, n=1)), None)
    message = f"{name} {reason}; it never runs here."
    remedy = f"Did you mean {suggestion}?" if suggestion else None
    return Violation(SqlNotAllowedError, "function", message, name, path[0].start, remedy, suggestion)


class ParameterRule:
    """Values arrive as named parameters; positional ones, system variables and hints do not."""

    def find(self, lexemes: Sequence[Lexeme]) -> Iterator[Violation]:
        """Every `?`, `@@variable` and `@` without a name."""
        for index, lexeme in enumerate(lexemes):
            if lexeme.text == "?":
                message = "Positional parameters are not supported; name it, as in @origin."
                yield Violation(SqlNotAllowedError, "positional_parameter", message, "?", lexeme.start)
            elif lexeme.text == "@" and (index == 0 or lexemes[index - 1].text != "@"):
                following = lexemes[index + 1] if index + 1 < len(lexemes) else None
                if following is not None and following.text == "@":
                    name = lexemes[index + 2].text if index + 2 < len(lexemes) else ""
                    message = f"System variables such as @@{name} belong to scripts and are not read here."
                    yield Violation(SqlNotAllowedError, "system_variable", message, f"@@{name}", lexeme.start)
                elif following is None or following.kind not in ("word", "quoted"):
                    message = "A parameter is @ and a name."
                    yield Violation(SqlInvalidError, "syntax", message, "@", lexeme.start)


# https://cloud.google.com/bigquery/docs/tables#table_naming; a star only ends a wildcard.
_TABLE_NAME = re.compile(r"[\w \-]+\*?|\*")
# Views that exist for one dataset; the others show a whole project or region to whoever may read it.
DATASET_METADATA_VIEWS = make_words(
    """
    COLUMNS COLUMN_FIELD_PATHS CONSTRAINT_COLUMN_USAGE KEY_COLUMN_USAGE MATERIALIZED_VIEWS PARAMETERS
    PARTITIONS ROUTINES ROUTINE_OPTIONS TABLES TABLE_CONSTRAINTS TABLE_OPTIONS TABLE_SNAPSHOTS VIEWS
    """
)


class TableRule:
    """Finds the tables of one statement and judges each; `tables` holds those that passed."""

    def __init__(self, policy: GuardPolicy, default_dataset: str | None) -> None:
        self._policy = policy
        self._default_dataset = default_dataset
        self.tables: set[TableRef] = set()

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every table that is not of an allowed dataset or whose name says nothing definite."""
        arrays = [(column, column.parts) for column in find_quoted_arrays(parsed.find(exp.Unnest))]
        tables = [(table, table.parts) for table in parsed.tables]
        for keyword, path, function in parsed.table_arguments:
            if not self._policy.allows_routine(function):
                message = f"TABLE names what a table function reads; {function} is none that is allowed."
                yield Violation(SqlInvalidError, "table_name", message, keyword.text, keyword.start)
            # Dots inside of backticks part names as dots outside of them do.
            yield from self._judge(
                ".".join(part.text.strip("`") for part in path).split("."), partial(int, path[0].start)
            )
        for node, parts in [*tables, *arrays]:
            if all(isinstance(part, exp.Identifier) for part in parts):
                yield from self._judge([part.name for part in parts], partial(parsed.offset_of, node))
            else:
                message = "A table is written out by name; a parameter or an expression cannot stand for it."
                found = node.sql("bigquery")[:80]
                yield Violation(SqlInvalidError, "table_name", message, found, parsed.offset_of(node))

    def _judge(self, parts: list[str], find_offset: Callable[[], int]) -> Iterator[Violation]:
        """What is wrong with a table's name; where it stands is only looked for then."""
        name = ".".join(parts)
        if self._policy.allowed_datasets is None and len(parts) == 1 and not self._default_dataset:
            return  # whoever does not know the datasets may not know the default one either
        try:
            table = self._resolve(parts)
        except ValueError as error:
            yield Violation(SqlInvalidError, "table_name", f"{error}.", name, find_offset())
            return
        reason = self._refuse(table)
        if reason:
            shown = table if table.dataset else name
            yield Violation(TableNotAllowedError, "table", f"{shown} {reason}.", name, find_offset())
        else:
            self.tables.add(table)

    def _resolve(self, parts: list[str]) -> TableRef:
        *qualifier, table = parts
        view = upper_name(table) if upper_name(table).startswith(f"{INFORMATION_SCHEMA}.") else None
        if len(qualifier) > 2:
            raise ValueError(f"{'.'.join(parts)} has too many parts; write project.dataset.table")
        if not qualifier and view:
            return TableRef(self._policy.project, "", view)
        if not qualifier and not self._default_dataset:
            raise ValueError(f"The table {table} names no dataset and there is no default for it")
        dataset = qualifier[-1] if qualifier else ""
        if len(qualifier) == 2:
            return TableRef(fold_name(qualifier[0]), dataset, view or table)
        if qualifier:
            return TableRef(fold_name(self._policy.project), dataset, view or table)
        return TableRef(*parse_dataset(self._default_dataset or "", self._policy.project), view or table)

    def _refuse(self, table: TableRef) -> str | None:
        if table.table.startswith(f"{INFORMATION_SCHEMA}."):
            if not table.dataset or fold_name(table.dataset).startswith("region-"):
                return "shows more than one dataset; write dataset.INFORMATION_SCHEMA.VIEW"
            if table.table.partition(".")[2] not in DATASET_METADATA_VIEWS:
                return "is not a view of one dataset's metadata"
        elif not _TABLE_NAME.fullmatch(table.table):
            return "is not a plain table name; decorators such as $ and @ are not accepted"
        return None if self._policy.allows(table) else "is not in ALLOWED_DATASETS"
