"""The fields that expressions read, against the columns of a query and what transforms make of them, step by step."""

import re
from collections.abc import Iterable, Iterator, Sequence

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.chart_fields import list_derived_fields, list_kept_fields
from shared.dashboards.validators.expression_places import ExpressionPlace, Scope, list_expressions
from shared.dashboards.validators.expressions import ExpressionText
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.vega.expressions import read_expression
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData
from shared.errors import AlmanacError

# What an axis gives an expression of its labels: https://vega.github.io/vega-lite/docs/axis.html#labels
_TICK_FIELDS = ("label", "value", "index")


class ExpressionFieldValidator:
    """The fields that expressions read against the columns that the SQL itself names; without a warehouse."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per field; nothing for a query whose text does not tell all of its columns."""
        for pointer, chart in document.charts():
            sql = document.sql_texts.get(str(chart.get("query")))
            if sql is None or chart_kind(chart) != "vega" or not _reads_fields(chart):
                continue
            columns = _list_columns(sql)
            if columns is not None:
                yield from check_expression_fields(document, pointer, chart, columns)


def _reads_fields(chart: dict[str, YamlData]) -> bool:
    return any(read_expression(place.text).fields for place in list_expressions(chart))


def _list_columns(sql: str) -> Sequence[str] | None:
    # The parser costs 150 ms; most files have no such expression.
    from shared.sql.output_names import list_output_names
    from shared.sql.parsing import parse_sql

    try:
        return list_output_names(parse_sql(sql))
    except AlmanacError:
        return None  # whoever reads the SQL says what is wrong with it


def check_expression_fields(
    document: ParsedDashboard, pointer: str, chart: dict[str, YamlData], columns: Sequence[str]
) -> Iterator[Diagnostic]:
    """One error per field that is not there at its step; nothing after a step whose fields only the data can tell."""
    steps = list(_list_known(chart.get("transform"), columns))
    for place in list_expressions(chart):
        if place.scope is Scope.GUIDE:
            known: Sequence[str] | None = _TICK_FIELDS if _is_axis_label(place) else None
            source = "a label of an axis"
        elif place.scope in (Scope.TRANSFORM, Scope.MARK):
            known = steps[-1 if place.step is None else place.step]
            source = f"the query {chart.get('query')!r}"
        else:
            continue
        if known is not None:
            text = ExpressionText(document, join_pointer(pointer, *place.location), place.text)
            yield from _check(text, place, known, source)


def _list_known(transforms: YamlData, columns: Sequence[str]) -> Iterator[list[str] | None]:
    """The fields before each transform, and behind the last; None where only the data can tell."""
    known: list[str] | None = list(columns)
    yield known
    for transform in transforms if isinstance(transforms, list) else []:
        made = list_derived_fields([transform])
        if known is None or made is None:
            known = None
        else:
            kept = list_kept_fields(transform)
            known = [*(known if kept is None else kept), *sorted(made)]
        yield known


def _is_axis_label(place: ExpressionPlace) -> bool:
    return place.location[-1] == "labelExpr" and "axis" in place.location


def _check(
    text: ExpressionText, place: ExpressionPlace, known: Sequence[str], source: str
) -> Iterator[Diagnostic]:
    for field in text.reading.fields:
        name = field.name
        if name is None or name in known or (place.scope is Scope.MARK and _is_made_of(name, known)):
            continue
        remedy = f"Use one of: {', '.join(known[:20])}."
        message = f"the expression reads {name!r}, which {source} does not return"
        if place.scope is Scope.GUIDE:
            message = f"the expression reads {name!r}, which {source} does not have"
        code = DiagnosticCode.UNKNOWN_FIELD
        yield text.report_unknown(code, message, name, field.start, field.end, known, remedy)


def _is_made_of(name: str, known: Sequence[str]) -> bool:
    """Whether an encoding may make it: `mean_delay` of `delay`, `yearmonth_day_end` of `day`, `__count`."""
    plain = [re.sub(r"\W", "_", column) for column in known]
    return name.startswith("_") or any(f"_{column}" in name for column in plain)
