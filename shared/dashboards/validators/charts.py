"""Charts: `mark`, `encoding`, `transform` and `params` against Vega-Lite's JSON Schema."""

import re
from collections.abc import Iterable, Iterator

from shared.dashboards.definition.document import chart_kind
from shared.dashboards.definition.field_types import NUMBER_FORMAT_PATTERN
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity, quote_names
from shared.dashboards.validators.base import drop_explained, report, report_unknown_name, show_value
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.vega import rules as vega_lite
from shared.dashboards.vega.schema_check import Finding, FindingKind
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData

_PICTURE = "data:image/"
_DOCUMENTATION = "https://vega.github.io/vega-lite/docs/"


class VegaLiteValidator:
    """What Vega-Lite would refuse, or silently ignore."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One diagnostic per place, for every chart drawn by Vega-Lite."""
        for pointer, chart in document.charts():
            if chart_kind(chart) == "vega":
                found = [
                    _describe(document, pointer, place, finding) for place, finding in _check_chart(chart)
                ]
                yield from drop_explained(found)


class NumberFormatValidator:
    """How metrics show their number."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One diagnostic per `format` that is no d3-format."""
        for pointer, chart in document.charts():
            written = chart.get("format")
            if chart_kind(chart) != "metric" or not isinstance(written, str):
                continue
            if re.fullmatch(NUMBER_FORMAT_PATTERN, written) is None:
                yield report(
                    document,
                    DiagnosticCode.INVALID_VALUE,
                    f"{show_value(written)!r} is not a d3-format of a number",
                    "Write for example ',d', '.1%' or '$,.2f'; see https://d3js.org/d3-format.",
                    f"{pointer}/format",
                    received=show_value(written),
                )


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


def _check_chart(chart: dict[str, YamlData]) -> Iterator[tuple[tuple[str | int, ...], Finding]]:
    mark, encoding = chart.get("mark"), chart.get("encoding")
    if isinstance(mark, str | dict):
        yield from ((("mark",), finding) for finding in vega_lite.check_mark(mark))
    if isinstance(encoding, dict):
        yield from ((("encoding",), finding) for finding in vega_lite.check_encoding(encoding))
    for key, check in (("transform", vega_lite.check_transform), ("params", vega_lite.check_param)):
        items = chart.get(key)
        for index, item in enumerate(items if isinstance(items, list) else []):
            if isinstance(item, dict):
                yield from (((key, index), finding) for finding in check(item))


def _describe(
    document: ParsedDashboard, chart: str, place: tuple[str | int, ...], finding: Finding
) -> Diagnostic:
    location = (*place, *finding.location)
    pointer = join_pointer(chart, *location)
    what = ".".join(str(part) for part in location)
    if location in (("mark",), ("mark", "type")) and isinstance(finding.received, str):
        marks = vega_lite.list_marks()
        return report_unknown_name(
            document, DiagnosticCode.UNKNOWN_MARK, "unknown mark", finding.received, marks, pointer
        )
    if finding.kind is FindingKind.UNKNOWN_PROPERTY:
        return _describe_unknown(document, location, pointer, finding)
    if finding.kind is FindingKind.NOT_ALLOWED and isinstance(finding.received, str):
        return report_unknown_name(
            document, DiagnosticCode.VEGA_LITE_INVALID, f"{what} does not take", finding.received,
            finding.allowed, pointer,
        )  # fmt: skip
    return report(
        document,
        DiagnosticCode.VEGA_LITE_INVALID,
        _phrase(what, finding),
        f"See {_DOCUMENTATION}{'mark' if location[0] == 'mark' else location[0]}.html.",
        pointer,
        received=show_value(finding.received),
        allowed=finding.allowed,
    )


def _describe_unknown(
    document: ParsedDashboard, location: tuple[str | int, ...], pointer: str, finding: Finding
) -> Diagnostic:
    name = str(finding.received)
    if location[:-1] == ("encoding",):
        code, what = DiagnosticCode.UNKNOWN_CHANNEL, "unknown encoding channel"
    else:
        code = DiagnosticCode.VEGA_LITE_UNKNOWN_PROPERTY
        what = f"{'.'.join(str(part) for part in location[:-1])} does not have"
    return report_unknown_name(document, code, what, name, finding.allowed, pointer, is_key=True)


def _phrase(what: str, finding: Finding) -> str:
    allowed = quote_names(finding.allowed)
    match finding.kind:
        case FindingKind.MISSING_PROPERTY:
            return f"{what} needs the key {allowed!r}"
        case FindingKind.WRONG_TYPE if finding.allowed:
            return f"{what} takes {allowed}, not {show_value(finding.received)}"
        case FindingKind.OUT_OF_RANGE | FindingKind.NOT_ALLOWED if finding.allowed:
            return f"{what} takes {allowed}"
    return f"{what} does not take {show_value(finding.received)}"
