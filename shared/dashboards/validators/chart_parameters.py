"""Parameters of charts: each is known to its own chart alone."""

from collections.abc import Iterable, Iterator, Mapping

from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.validators.base import report_unknown_name
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData


class ChartParameterValidator:
    """Parameters that a chart's conditions and filters name and it does not have."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One error per name."""
        owners = find_owners(document)
        for pointer, chart in document.charts():
            for key in ("encoding", "transform"):
                place = join_pointer(pointer, key)
                for at, name in _list_uses(chart.get(key), place):
                    names = list_parameters(chart)
                    if name not in names:
                        what = explain_owner(name, owners)
                        code = DiagnosticCode.UNKNOWN_CHART_PARAMETER
                        yield report_unknown_name(document, code, what, name, names, at)


def list_parameters(chart: Mapping[str, YamlData]) -> list[str]:
    """The names of a chart's parameters."""
    params = chart.get("params")
    named = [
        item.get("name") for item in (params if isinstance(params, list) else []) if isinstance(item, dict)
    ]
    return [name for name in named if isinstance(name, str)]


def find_owners(document: ParsedDashboard) -> dict[str, str]:
    """The chart that each parameter is one of."""
    return {name: str(chart.get("id")) for _, chart in document.charts() for name in list_parameters(chart)}


def explain_owner(name: str, owners: Mapping[str, str]) -> str:
    """What to say before the name of a parameter that a chart does not have."""
    owner = owners.get(name)
    if owner is None:
        return "the chart has no parameter"
    return f"charts do not share parameters; one of the chart {owner!r} is"


def _list_uses(value: YamlData, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _list_uses(item, join_pointer(pointer, index))
    elif isinstance(value, dict):
        for key, part in value.items():
            place = join_pointer(pointer, key)
            if key == "param" and isinstance(part, str):
                yield place, part
            else:
                yield from _list_uses(part, place)
