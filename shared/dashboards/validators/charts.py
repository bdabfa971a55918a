"""Names that point at each other, charts at queries and the layout at charts; and what no page draws of Vega-Lite."""

from collections.abc import Iterable, Iterator

from shared.dashboards.definition.document import LAYOUT_COLUMNS, chart_kind
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, Severity
from shared.dashboards.validators.base import report, report_unknown_name
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.yaml.positions import join_pointer
from shared.dashboards.yaml.reading import YamlData


class DuplicateNameValidator:
    """Two charts of one id, two parameters of one name."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """One diagnostic at each repeat, naming the line of the first."""
        charts = ((f"{pointer}/id", chart.get("id")) for pointer, chart in document.charts())
        yield from _find_repeats(document, DiagnosticCode.DUPLICATE_CHART, "the id of a chart", charts)
        parameters = ((f"{pointer}/name", item.get("name")) for pointer, item in document.parameters())
        what = "the name of a parameter"
        yield from _find_repeats(document, DiagnosticCode.DUPLICATE_PARAMETER, what, parameters)


class ChartQueryValidator:
    """Charts that read queries which do not exist, and queries that no chart reads."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """An error per unknown query, a warning per unused one."""
        names = document.query_names()
        used: set[str | None] = set()
        for pointer, chart in document.charts():
            name = chart.get("query")
            if not isinstance(name, str):
                continue
            used.add(name)
            if name not in names:
                code = DiagnosticCode.UNKNOWN_QUERY
                unknown = report_unknown_name(
                    document, code, "there is no query", name, names, f"{pointer}/query"
                )
                yield unknown
                # The query it was meant to be is not unused as well: one mistake, one diagnostic.
                used.add(unknown.suggestion)
        for pointer, name, _ in document.queries():
            if name not in used:
                yield report(
                    document,
                    DiagnosticCode.UNUSED_QUERY,
                    f"no chart reads the query {name!r}, yet every refresh pays for it",
                    "Draw it in a chart, or remove it.",
                    pointer,
                    severity=Severity.WARNING,
                )


class LayoutValidator:
    """The rows of the page."""

    def validate(self, document: ParsedDashboard) -> Iterable[Diagnostic]:
        """Unknown charts, rows that are too wide, charts shown twice or never."""
        charts = {
            chart["id"]: pointer for pointer, chart in document.charts() if isinstance(chart.get("id"), str)
        }
        placed: dict[str, str] = {}
        for row, cells in document.layout_rows():
            yield from _check_width(document, row, [cell.get("width") for _, cell in cells])
            for pointer, cell in cells:
                name = cell.get("chart")
                if isinstance(name, str):
                    yield from _check_cell(
                        document, f"{pointer}/chart", name, [str(key) for key in charts], placed
                    )
        if placed:
            yield from _find_hidden(
                document, {str(name): pointer for name, pointer in charts.items()}, placed
            )


def _find_repeats(
    document: ParsedDashboard, code: DiagnosticCode, what: str, names: Iterable[tuple[str, object]]
) -> Iterator[Diagnostic]:
    first: dict[str, str] = {}
    for pointer, name in names:
        if not isinstance(name, str):
            continue
        if name in first:
            line = document.positions.value(first[name]).line
            message = f"{name!r} is already {what}, at line {line}"
            yield report(document, code, message, "Choose another.", pointer, received=name)
        first.setdefault(name, pointer)


def _check_width(document: ParsedDashboard, row: str, widths: list[object]) -> Iterator[Diagnostic]:
    columns = sum(_read_width(width) for width in widths)
    if columns > LAYOUT_COLUMNS:
        yield report(
            document,
            DiagnosticCode.ROW_TOO_WIDE,
            f"this row needs {columns} columns; a row has {LAYOUT_COLUMNS}",
            "Lower the widths, or move a chart to another row.",
            row,
            received=str(columns),
            allowed=[f"at most {LAYOUT_COLUMNS}"],
        )


def _read_width(width: object) -> int:
    """Columns; 1 for what is left to the layout, and for what the published schema refuses."""
    return int(width) if isinstance(width, int | float) and not isinstance(width, bool) else 1


def _check_cell(
    document: ParsedDashboard, pointer: str, name: str, charts: list[str], placed: dict[str, str]
) -> Iterator[Diagnostic]:
    if name not in charts:
        code = DiagnosticCode.UNKNOWN_CHART
        unknown = report_unknown_name(document, code, "there is no chart", name, charts, pointer)
        yield unknown
        # The chart it was meant to be is not hidden as well: one mistake, one diagnostic.
        placed.setdefault(unknown.suggestion or name, pointer)
    elif name in placed:
        line = document.positions.value(placed[name]).line
        yield report(
            document,
            DiagnosticCode.CHART_LAID_OUT_TWICE,
            f"{name!r} is already in the layout, at line {line}",
            "Remove one of the two.",
            pointer,
            severity=Severity.WARNING,
            received=name,
        )
    placed.setdefault(name, pointer)


def _find_hidden(
    document: ParsedDashboard, charts: dict[str, str], placed: dict[str, str]
) -> Iterator[Diagnostic]:
    for name, pointer in charts.items():
        if name not in placed:
            yield report(
                document,
                DiagnosticCode.CHART_NOT_LAID_OUT,
                f"the chart {name!r} is in no row of the layout",
                "Add it to a row, or remove it.",
                f"{pointer}/id",
                severity=Severity.WARNING,
                received=name,
            )


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
