"""What changed between two versions of a dashboard, by meaning and by line."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic_core import to_jsonable_python

from shared.dashboards.definition.document import DashboardDefinition
from shared.dashboards.validators.parsed import unify_line_breaks
from shared.database.models.dashboards import DashboardVersion
from shared.sql.text import normalize_sql


@dataclass(frozen=True)
class NameChanges:
    """Names that came, went, or stand for something else now; sorted."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryChanges(NameChanges):
    """Changes of queries; `reformatted` are those whose SQL is written otherwise and means the same."""

    reformatted: tuple[str, ...] = ()


@dataclass(frozen=True)
class DashboardDiff:
    """The difference from one version to another.

    `settings` are top-level keys other than queries, charts and parameters whose value differs, where a key that
    is left out has its default; `text` is a unified diff of the YAML and of the SQL files; bytes and dollars are
    those of the plans before and after, None where a plan is not known.
    """

    queries: QueryChanges = field(default_factory=QueryChanges)
    charts: NameChanges = field(default_factory=NameChanges)
    parameters: NameChanges = field(default_factory=NameChanges)
    settings: tuple[str, ...] = ()
    text: str = ""
    bytes_per_refresh_before: int | None = None
    bytes_per_refresh_after: int | None = None
    usd_per_month_before: Decimal | None = None
    usd_per_month_after: Decimal | None = None


_NAMED = ("queries", "charts", "parameters")


@dataclass(frozen=True)
class DiffSide:
    """One version: its text, its definition as JSON, the SQL of its queries, its SQL files, and its cost."""

    label: str
    text: str
    definition: Mapping[str, Any]
    sql_texts: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    bytes_per_refresh: int | None = None
    usd_per_month: Decimal | None = None


def read_saved_side(slug: str, row: DashboardVersion) -> DiffSide:
    """The side of a version as it was saved, with the cost its plan had then."""
    totals = row.plan_totals
    size, price = totals.get("bytes_per_refresh"), totals.get("usd_per_month")
    return DiffSide(
        label=f"{slug}@{row.version}",
        text=row.yaml_text,
        definition=row.definition or {},
        sql_texts=_read_sql_texts(row),
        files=row.files,
        bytes_per_refresh=size if isinstance(size, int) else None,
        usd_per_month=Decimal(price) if isinstance(price, str) else None,
    )


def make_diff(before: DiffSide | None, after: DiffSide) -> DashboardDiff:
    """The difference; `before` is None for a first version."""
    old = _fill_defaults(before.definition if before else {})
    new = _fill_defaults(after.definition)
    return DashboardDiff(
        queries=_compare_queries(before, after),
        charts=_compare(_by_key(old.get("charts"), "id"), _by_key(new.get("charts"), "id")),
        parameters=_compare(_by_key(old.get("parameters"), "name"), _by_key(new.get("parameters"), "name")),
        settings=tuple(sorted(key for key in {*old, *new} - set(_NAMED) if old.get(key) != new.get(key))),
        text=_compare_texts(before, after),
        bytes_per_refresh_before=before.bytes_per_refresh if before else None,
        bytes_per_refresh_after=after.bytes_per_refresh,
        usd_per_month_before=before.usd_per_month if before else None,
        usd_per_month_after=after.usd_per_month,
    )


def _read_sql_texts(row: DashboardVersion) -> dict[str, str]:
    queries: dict[str, dict[str, str | None]] = (row.definition or {}).get("queries", {})
    return {name: query["sql"] or row.files.get(query["file"] or "", "") for name, query in queries.items()}


def _compare_texts(before: DiffSide | None, after: DiffSide) -> str:
    old = _list_texts(before) if before else {}
    new = _list_texts(after)
    parts = [
        _unify(name, old, new, before, after) for name in [*new, *(name for name in old if name not in new)]
    ]
    return "".join(part for part in parts if part)


def _list_texts(side: DiffSide) -> dict[str, str]:
    """Texts by what follows the label of the version: the YAML itself has nothing there."""
    return {"": side.text, **{f":{name}": text for name, text in sorted(side.files.items())}}


def _unify(
    name: str, old: Mapping[str, str], new: Mapping[str, str], before: DiffSide | None, after: DiffSide
) -> str:
    lines = difflib.unified_diff(
        unify_line_breaks(old.get(name, "")).splitlines(keepends=True),
        unify_line_breaks(new.get(name, "")).splitlines(keepends=True),
        f"{before.label}{name}" if before and name in old else "/dev/null",
        f"{after.label}{name}" if name in new else "/dev/null",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _fill_defaults(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What a definition says with what it leaves out: nobody changed a setting that nobody wrote."""
    return {**_list_defaults(), **definition}


@cache
def _list_defaults() -> dict[str, Any]:
    fields = DashboardDefinition.model_fields.items()
    defaults = {
        name: info.get_default(call_default_factory=True) for name, info in fields if not info.is_required()
    }
    return dict(to_jsonable_python(defaults, by_alias=True))


def _compare_queries(before: DiffSide | None, after: DiffSide) -> QueryChanges:
    old, new = _queries(before), _queries(after)
    found = _compare(old, new)
    same = [name for name in found.changed if before and _means(before, name) == _means(after, name)]
    changed = tuple(name for name in found.changed if name not in same)
    return QueryChanges(found.added, found.removed, changed, tuple(same))


def _queries(side: DiffSide | None) -> dict[str, object]:
    """Queries with the text of their SQL, so that a changed file shows although its name is the same."""
    if side is None:
        return {}
    queries: Mapping[str, object] = side.definition.get("queries", {})
    return {name: (query, side.sql_texts.get(name)) for name, query in queries.items()}


def _means(side: DiffSide, name: str) -> tuple[dict[str, object], str]:
    """A query without the way its SQL is written: in place or in a file, with which comments and spaces."""
    query: Mapping[str, object] = side.definition["queries"][name]
    rest = {key: value for key, value in query.items() if key not in ("sql", "file")}
    return rest, normalize_sql(side.sql_texts.get(name, ""))


def _by_key(items: Sequence[Mapping[str, Any]] | None, key: str) -> dict[str, object]:
    return {str(item[key]): item for item in items or ()}


def _compare(before: Mapping[str, object], after: Mapping[str, object]) -> NameChanges:
    return NameChanges(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )
