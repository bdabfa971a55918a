"""A query in the words of its job's time zone, for the emulator, which knows only UTC.

BigQuery's connection property `time_zone` decides what functions mean that are given no zone of their own:
CURRENT_DATE(), DATE(ts), EXTRACT, TIMESTAMP('2013-01-01') and the like. Here each is given that zone. The engine's
own setting (`SET TimeZone`) would not do: the emulator writes UTC into most of these functions before that.
https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#time_zones
"""

import re
from collections.abc import Callable, Sequence

from sqlglot import exp

type FindType = Callable[[exp.Expr], exp.DType | None]
"""The type of a value in the query; None where nobody knows."""

_OWN_ZONE = re.compile(
    r"([ T]\d\d?(:\d\d?){0,2}(\.\d+)?\s*[+-]\d\d?(:?\d\d)?|\d\s*(Z|UTC|[A-Za-z]+(/\w+)+))$", re.IGNORECASE
)
"""A text that says which zone it is of; the last part of a day alone is no offset."""
_MOMENT = exp.DType.TIMESTAMPTZ
_CIVIL = (exp.DType.DATE, exp.DType.TIMESTAMP)
_TEXT = (exp.DType.VARCHAR, exp.DType.TEXT)
_CURRENT = (exp.CurrentDate, exp.CurrentDatetime, exp.CurrentTime)
_OF_VALUES = (
    exp.Date,
    exp.TsOrDsToDatetime,
    exp.TsOrDsToTime,
    exp.String,
    exp.Extract,
    exp.Timestamp,
    exp.Cast,
)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)


class UnknownTypeError(Exception):
    """A function whose meaning depends on the zone if it is given a TIMESTAMP, and nobody knows what it is given."""


def depends_on_types(tree: exp.Expr) -> bool:
    """Whether the types of some values decide what the zone changes."""
    return tree.find(*_OF_VALUES, *_COMPARISONS) is not None


def spell_zone(tree: exp.Expr, zone: str, find_type: FindType) -> bool:
    """Give `zone` to whatever in the query leaves it to the job. Whether there was anything.

    Raises UnknownTypeError.
    """
    nodes = list(
        tree.find_all(*_CURRENT, *_OF_VALUES, *_COMPARISONS, exp.TimeToStr, exp.StrToTime, exp.TimestampTrunc)
    )
    # Before anything changes: what is made here has no type that anybody has found.
    types = [[find_type(value) for value in _list_values(node)] for node in nodes]
    # From the inside out: what is inside of a node that is replaced goes with it.
    changes = [
        _spell(node, zone, kinds) for node, kinds in zip(reversed(nodes), reversed(types), strict=True)
    ]
    return any(changes)


def _list_values(node: exp.Expr) -> list[exp.Expr]:
    """What the node compares, or the one value that it reads."""
    if isinstance(node, exp.Extract):
        return [node.expression]
    sides = (node.this, node.args.get("expression")) if isinstance(node, _COMPARISONS) else (node.this,)
    return [one for one in sides if isinstance(one, exp.Expr)]


def _spell(node: exp.Expr, zone: str, types: Sequence[exp.DType | None]) -> bool:
    name = exp.Literal.string(zone)
    if isinstance(node, _CURRENT):
        return _set(node, "this", name)
    if isinstance(node, exp.TimeToStr):
        return isinstance(node.this, exp.TsOrDsToTimestamp) and _set(node, "zone", name)
    if isinstance(node, exp.TimestampTrunc) or type(node) is exp.StrToTime:
        return _set(node, "zone", name)
    if isinstance(node, _COMPARISONS):
        return _MOMENT in types and _spell_texts(node, zone)
    (value,) = _list_values(node)
    if node.args.get("zone") or isinstance(value, exp.AtTimeZone):
        return False
    if isinstance(node, exp.Timestamp) or (isinstance(node, exp.Cast) and node.to.is_type(_MOMENT)):
        return _spell_moment(node, value, zone, types[0])
    return _spell_reading(node, value, name, types[0])


def _set(node: exp.Expr, key: str, value: exp.Expr) -> bool:
    if node.args.get(key) is not None:
        return False
    node.set(key, value)
    return True


def _spell_moment(node: exp.Expr, value: exp.Expr, zone: str, kind: exp.DType | None) -> bool:
    """A TIMESTAMP that is made of a day, of clocks, or of text."""
    is_literal = isinstance(value, exp.Literal) and value.is_string
    if kind in (_MOMENT, exp.DType.NULL) or (is_literal and _OWN_ZONE.search(value.name)):
        return False
    if not is_literal and kind not in _CIVIL:
        raise UnknownTypeError(_describe(node, f"TIMESTAMP({value.sql('bigquery')}, '{zone}')"))
    node.replace(_make_moment(value, zone))
    return True


def _make_moment(value: exp.Expr, zone: str) -> exp.Paren:
    """In brackets, without which the emulator cannot read it behind BETWEEN."""
    return exp.Paren(this=exp.Timestamp(this=value.copy(), zone=exp.Literal.string(zone), with_tz=True))


def _spell_reading(node: exp.Expr, value: exp.Expr, zone: exp.Literal, kind: exp.DType | None) -> bool:
    """What clocks and calendars show at a TIMESTAMP."""
    if isinstance(node, exp.Cast) and not node.to.is_type(*_CIVIL, *_TEXT, exp.DType.TIME):
        return False
    if kind is None:
        advice = f"a function with '{zone.name}' at its end, or CAST what it reads"
        raise UnknownTypeError(_describe(node, advice))
    if kind != _MOMENT:
        return False
    if isinstance(node, exp.Extract):
        node.set("expression", exp.Datetime(this=value.copy(), expression=zone))
    elif isinstance(node, exp.Cast) and node.args.get("format"):
        node.set("format", exp.AtTimeZone(this=node.args["format"], zone=zone))
    else:
        node.replace(_make_reading(node, value.copy(), zone))
    return True


def _make_reading(node: exp.Expr, value: exp.Expr, zone: exp.Literal) -> exp.Expr:
    kind = node.to.this if isinstance(node, exp.Cast) else None
    if isinstance(node, exp.Date) or kind == exp.DType.DATE:
        return exp.Date(this=value, zone=zone)
    if isinstance(node, exp.TsOrDsToDatetime) or kind == exp.DType.TIMESTAMP:
        return exp.Datetime(this=value, expression=zone)
    if isinstance(node, exp.TsOrDsToTime) or kind == exp.DType.TIME:
        return exp.Time(this=value, zone=zone)
    return exp.String(this=value, zone=zone)


def _spell_texts(node: exp.Expr, zone: str) -> bool:
    """Texts beside a TIMESTAMP, which BigQuery reads as one."""
    sides = [node.this, *(node.args.get(key) for key in ("expression", "low", "high")), *node.expressions]
    literals = [one for one in sides if isinstance(one, exp.Literal) and one.is_string]
    texts = [one for one in literals if not _OWN_ZONE.search(one.name)]
    for text in texts:
        text.replace(_make_moment(text, zone))
    return bool(texts)


def _describe(node: exp.Expr, advice: str) -> str:
    return (
        f"BigQuery takes this query; the local emulator counts in UTC alone, and the type that "
        f"{node.sql('bigquery')} reads is not known here. Locally, write {advice}."
    )
