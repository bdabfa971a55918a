"""Charts: what Vega-Lite takes and a page cannot or must not draw."""

from collections.abc import Iterable, Iterator

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.validators.base import report
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData

_PICTURE = "data:image/"


class ExternalDataValidator:
    """Charts draw the rows of their query and load nothing else."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One diagnostic per `data` inside a transform."""
        for pointer, chart in document.charts():
            transforms = chart.get("transform")
            for index, transform in enumerate(transforms if isinstance(transforms, list) else []):
                source = transform.get("from") if isinstance(transform, dict) else None
                if isinstance(source, dict) and "data" in source:
                    place = join_pointer(pointer, "transform", index, "from", "data")
                    message = "a lookup must not bring data of its own"
                    remedy = "Join the table in the query's SQL."
                    span = document.positions.key(place)
                    yield report(document, DiagnosticCode.EXTERNAL_DATA, message, remedy, place, span=span)


class DrawableMarkValidator:
    """Marks that Vega-Lite has and a page cannot draw, because it loads nothing but the rows of the query."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One warning per mark that stays blank, one note per mark that depends on the data."""
        for pointer, chart in document.charts():
            mark = chart.get("mark")
            name = mark.get("type") if isinstance(mark, dict) else mark
            if chart_kind(chart) == "vega" and name == "geoshape":
                yield _report_geoshape(document, join_pointer(pointer, "mark"))
            if chart_kind(chart) == "vega" and name == "image":
                yield from _check_pictures(document, pointer, chart)


def _report_geoshape(document: ParsedDashboard, pointer: str) -> Diagnostic:
    message = "geoshape draws shapes, and the rows of a query hold none"
    remedy = "Draw places as circles: x and y with longitude and latitude, or a bar for each region."
    return report(
        document, DiagnosticCode.UNSUPPORTED_MARK, message, remedy, pointer, severity=Severity.WARNING
    )


def _check_pictures(
    document: ParsedDashboard, pointer: str, chart: dict[str, YamlData]
) -> Iterator[Diagnostic]:
    mark, encoding = chart.get("mark"), chart.get("encoding")
    channel = encoding.get("url") if isinstance(encoding, dict) else None
    given = {
        join_pointer(pointer, "mark", "url"): mark.get("url") if isinstance(mark, dict) else None,
        join_pointer(pointer, "encoding", "url", "value"): channel.get("value") if isinstance(channel, dict) else None,
    }  # fmt: skip
    remedy = "Give the picture itself, as data:image/…;base64,…."
    for place, url in given.items():
        if isinstance(url, str) and not url.lower().startswith(_PICTURE):
            message = "a page loads no picture from an address"
            yield report(
                document, DiagnosticCode.UNSUPPORTED_MARK, message, remedy, place, severity=Severity.WARNING
            )
    if isinstance(channel, dict) and "field" in channel:
        message = "a picture is drawn where the column holds one, and not where it holds an address"
        place = join_pointer(pointer, "encoding", "url")
        yield report(
            document, DiagnosticCode.UNSUPPORTED_MARK, message, remedy, place, severity=Severity.INFO
        )
