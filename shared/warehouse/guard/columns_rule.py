"""The rule about the names of the result's columns, which BigQuery writes to a table.

https://cloud.google.com/bigquery/docs/schemas#column_names
"""

import re
from collections.abc import Iterator

from shared.errors import SqlInvalidError
from shared.sql.folding import fold_name
from shared.sql.outputs import find_outputs
from shared.sql.parsing import ParsedSql
from shared.sql.positions import start_of
from shared.sql.violations import Violation

MAX_NAME_LENGTH = 300
_FORBIDDEN = re.compile(r"""[!"$()*,./;?@\[\\\]^`{}~]""")
_RESERVED_PREFIXES = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier")


class ColumnNameRule:
    """Each column of the result has a name of its own, and one that a column may have."""

    def find(self, parsed: ParsedSql) -> Iterator[Violation]:
        """Every name that comes twice, and every one that BigQuery refuses."""
        seen: set[str] = set()
        for name, place in find_outputs(parsed.tree):
            start = start_of(place)
            offset = parsed.offset_of(place) if start is None else start
            reason = _refuse(name, place.parent is not None and bool(place.parent.args.get("alias")))
            folded = fold_name(name)
            if folded in seen:
                reason = f"Two columns of the result are called {name}; BigQuery compares names without case"
            seen.add(folded)
            if reason:
                remedy = "Give the column another name with AS."
                yield Violation(SqlInvalidError, "column_name", f"{reason}.", name, offset, remedy)


def _refuse(name: str, is_alias: bool) -> str | None:
    character = _FORBIDDEN.search(name)
    if character and is_alias:
        return f"{character.group()} cannot stand in the name of a column"
    if fold_name(name).startswith(_RESERVED_PREFIXES) and is_alias:
        return f"{name} begins like a name that BigQuery keeps for itself"
    if len(name) > MAX_NAME_LENGTH:
        return f"The name of a column is longer than {MAX_NAME_LENGTH} characters"
    return None
