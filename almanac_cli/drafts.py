"""A first dashboard of a table, from what is known of it without a query."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from almanac_cli.draft_choice import MOST_GROUPS, choose_columns, is_added
from shared.sql.lexer import RESERVED_WORDS
from shared.warehouse.models.table_facts import ColumnFacts, TableFacts
from shared.warehouse.models.tables import PARTITION_TIME

_MOST_COLUMNS = 8
_LONGEST_RANGE = timedelta(days=365)
_RANGE_UNSEEN = timedelta(days=27)
_COLUMNS_ON_A_LINE = 2
_ROW_OF_CELLS = 12


@dataclass(frozen=True)
class Draft:
    """A dashboard file's text and, for people, the columns it chose."""

    yaml: str
    time_column: str | None
    measures: tuple[str, ...]
    breakdowns: tuple[str, ...]


@dataclass(frozen=True)
class _Measure:
    """An aggregate under a name of its own."""

    sql: str
    name: str
    title: str


def draft_dashboard(
    slug: str, title: str | None, facts: TableFacts, today: date, *, with_project: bool = False
) -> Draft:
    """A dashboard file: numbers, a series over the time column, breakdowns, newest rows.

    `with_project` writes the table's project too: it is not the one the dashboards run in.

    Two DATE parameters, over the days that were seen (at most a year) or the last four weeks, filter the time column:
    the one the table is partitioned by, or else the first of the columns.
    """
    return _Drafter(slug, title, facts, today, with_project=with_project).write()


class _Drafter:
    def __init__(
        self, slug: str, title: str | None, facts: TableFacts, today: date, *, with_project: bool
    ) -> None:
        self._slug = slug
        self._facts = facts
        self._title = title or _say(facts.table.table)
        self._today = today
        self._source = f"`{facts.table}`" if with_project else _quote(facts.table.table)
        self._taken = {one.name.lower() for one in facts.columns}
        self._choice = choose_columns(facts)
        self._time, self._groups = self._choice.time, self._choice.groups
        self._measures = [self._measure(one) for one in self._choice.measures]
        self._rows, self._day = self._free("row_count"), self._free("day")

    def write(self) -> Draft:
        queries, charts, layout = self._describe()
        parts = [*self._head(), *self._parameters(), "queries:\n", "\n".join(queries), "\ncharts:\n", *charts]
        return Draft(
            "".join(parts) + "\nlayout:\n" + "".join(f"  - [{row}]\n" for row in layout),
            self._time.name if self._time else None,
            tuple(one.name for one in self._choice.measures),
            tuple(one.name for one in self._groups),
        )

    def _measure(self, column: ColumnFacts) -> "_Measure":
        function, word = ("SUM", "Total") if is_added(column) else ("AVG", "Mean")
        alias = self._free(f"{word}_{column.name}".lower())
        return _Measure(f"{function}({_quote(column.name)})", alias, f"{word} {_say(column.name, False)}")

    def _free(self, name: str) -> str:
        """A name no column has: GROUP BY would mean the column."""
        while name in self._taken:
            name += "_"
        return name

    def _head(self) -> list[str]:
        about = (
            self._facts.description or f"What {self._facts.table.dataset}.{self._facts.table.table} holds."
        )
        return [
            f"# Written by `almanac new` from the columns of {self._facts.table}"
            + (f" and {self._facts.rows_seen} of its rows" if self._facts.rows_seen else "")
            + ".\n# It is yours: change everything.\n",
            f"version: 1\nslug: {self._slug}\ntitle: {_text(self._title)}\ndescription: {_text(about[:500])}\n",
            f"dataset: {self._facts.table.dataset}\n\n",
            "refresh:\n  max_age: 24h # older than this counts as stale, and says so\n",
            "  max_stale: 7d # older than this is not shown at all\n\n",
        ]

    def _parameters(self) -> list[str]:
        if self._time is None:
            return []
        first, last = self._find_days()
        wanted = (("from_day", first, "First day shown"), ("to_day", last, "Last day shown"))
        lines = [
            f'  - {{name: {name}, type: DATE, values: ["{day}"], allow_other: true, description: {words}}}\n'
            for name, day, words in wanted
        ]
        return ["parameters:\n", *lines, "\n"]

    def _find_days(self) -> tuple[date, date]:
        days = [_day_of(one) for one in (self._time.values if self._time else ())]
        if not days:
            return self._today - _RANGE_UNSEEN, self._today
        return max(min(days), max(days) - _LONGEST_RANGE), max(days)

    def _where(self) -> str:
        if self._time is None:
            return ""
        name = _quote(self._time.name)
        if self._time.type == "DATE":
            return f"      WHERE {name} BETWEEN @from_day AND @to_day\n"
        # The column itself is compared, so that only the partitions of these days are read.
        end = "DATE_ADD(@to_day, INTERVAL 1 DAY)"
        kind = self._time.type
        return f"      WHERE {name} >= {kind}(@from_day) AND {name} < {kind}({end})\n"

    def _describe(self) -> tuple[list[str], list[str], list[str]]:
        queries, charts, layout = [self._query("totals", self._totals(), 1)], *self._tiles()
        if self._time is not None:
            queries.append(self._query("daily", self._series(self._time), 1000))
            cells = [self._line("rows_by_day", "Rows by day", self._rows)]
            cells += [
                self._line(f"{one.name}_by_day", f"{one.title} by day", one.name)
                for one in self._measures[:1]
            ]
            charts += cells
            layout.append(_cells(["rows_by_day", *(f"{one.name}_by_day" for one in self._measures[:1])]))
        for group in self._groups:
            queries.append(self._query(f"by_{_id(group.name)}", self._breakdown(group), MOST_GROUPS))
            charts.append(self._bars(group))
        if self._groups:
            layout.append(_cells([f"by_{_id(one.name)}_bars" for one in self._groups]))
        queries.append(self._query("newest", self._newest(), 100))
        words = "Newest rows" if self._time else "Some rows"
        charts.append(f"  - {{id: newest_rows, title: {words}, query: newest, type: table}}\n")
        layout.append("{chart: newest_rows}")
        return queries, charts, layout

    def _query(self, name: str, sql: str, max_rows: int) -> str:
        return f"  {name}:\n    max_rows: {max_rows}\n    sql: |\n{sql}"

    def _from(self) -> str:
        return f"      FROM {self._source}\n{self._where()}"

    def _totals(self) -> str:
        parts = [f"COUNT(*) AS {self._rows}", *(f"{one.sql} AS {one.name}" for one in self._measures)]
        return f"{_select(parts)}{self._from()}"

    def _series(self, time: ColumnFacts) -> str:
        day = _quote(time.name) if time.type == "DATE" else f"DATE({_quote(time.name)})"
        parts = [f"{day} AS {self._day}", f"COUNT(*) AS {self._rows}"]
        parts += [f"{one.sql} AS {one.name}" for one in self._measures[:1]]
        end = f"      GROUP BY {self._day}\n      ORDER BY {self._day}\n"
        return f"{_select(parts)}{self._from()}{end}"

    def _breakdown(self, group: ColumnFacts) -> str:
        name = _quote(group.name)
        return (
            f"      SELECT {name}, COUNT(*) AS {self._rows}\n{self._from()}      GROUP BY {name}\n"
            f"      ORDER BY {self._rows} DESC, {name}\n      LIMIT {MOST_GROUPS}\n"
        )

    def _newest(self) -> str:
        shown = [one.name for one in self._choice.shown[:_MOST_COLUMNS]]
        if self._time and self._time.name != PARTITION_TIME and self._time.name not in shown:
            shown = [self._time.name, *shown[: _MOST_COLUMNS - 1]]
        order = f"      ORDER BY {_quote(self._time.name)} DESC\n" if self._time else ""
        return f"{_select([_quote(one) for one in shown])}{self._from()}{order}      LIMIT 100\n"

    def _tiles(self) -> tuple[list[str], list[str]]:
        shown = [(self._rows, "Rows", ",d"), *((one.name, one.title, ",.2f") for one in self._measures)]
        charts = [
            f"  - {{id: {name}_tile, title: {_text(title)}, query: totals, type: metric, value: {name}, "
            f'format: "{form}"}}\n'
            for name, title, form in shown
        ]
        return charts, [_cells([f"{name}_tile" for name, _, _ in shown])]

    def _line(self, chart: str, title: str, field: str) -> str:
        return (
            f"  - id: {chart}\n    title: {_text(title)}\n    query: daily\n    mark: line\n    encoding:\n"
            f"      x: {{field: {self._day}, type: temporal, title: null}}\n"
            f"      y: {{field: {field}, type: quantitative, title: null}}\n"
        )

    def _bars(self, group: ColumnFacts) -> str:
        return (
            f"  - id: by_{_id(group.name)}_bars\n    title: {_text(f'Rows by {_say(group.name, False)}')}\n"
            f"    query: by_{_id(group.name)}\n    mark: bar\n    encoding:\n"
            f"      x: {{field: {self._rows}, type: quantitative, title: null}}\n"
            f"      y: {{field: {group.name}, type: nominal, sort: -x, title: null}}\n"
        )


def _select(parts: Sequence[str]) -> str:
    if len(parts) <= _COLUMNS_ON_A_LINE:
        return f"      SELECT {', '.join(parts)}\n"
    lines = ",\n        ".join(parts)
    return f"      SELECT\n        {lines}\n"


def _cells(charts: Sequence[str]) -> str:
    width = _ROW_OF_CELLS // len(charts)
    return ", ".join(f"{{chart: {chart}, width: {width}}}" for chart in charts)


def _day_of(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _quote(name: str) -> str:
    is_plain = name.isascii() and name.isidentifier() and name.upper() not in RESERVED_WORDS
    return name if is_plain else f"`{name}`"


def _id(name: str) -> str:
    return name.lower()


def _say(name: str, is_first: bool = True) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] if is_first else words[:1].lower() + words[1:]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
