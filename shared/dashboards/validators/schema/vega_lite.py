"""What is wrong with what goes to Vega-Lite, told by its own names."""

from shared.dashboards.definition.published_schema import list_marks
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode, quote_names
from shared.dashboards.validators.base import report, report_unknown_name, show_value
from shared.dashboards.validators.parsed import ParsedDashboard
from shared.dashboards.validators.schema.findings import Finding, FindingKind
from shared.dashboards.validators.schema.verdict import Location
from shared.dashboards.yaml.positions import make_pointer

_LISTS = frozenset({"transform", "params"})
_KEYS = _LISTS | {"mark", "encoding"}
_DOCUMENTATION = "https://vega.github.io/vega-lite/docs/"


def belongs_to_vega_lite(finding: Finding) -> bool:
    """True for what is wrong inside the mark, an encoding, a transform or a param of a chart.

    That there is one at all, and that it is a mapping or a list, is a matter of the format itself.
    """
    match finding.location:
        case ("charts", _, key):
            return key in _KEYS and finding.kind is not FindingKind.UNKNOWN_PROPERTY and not _is_type(finding)
        case ("charts", _, key, _):
            return key in _KEYS and not (key in _LISTS and _is_type(finding))
        case ("charts", _, key, *_):
            return key in _KEYS
    return False


def _is_type(finding: Finding) -> bool:
    return finding.kind is FindingKind.WRONG_TYPE


def describe_vega_lite(document: ParsedDashboard, finding: Finding) -> Diagnostic:
    """The diagnostic of a finding that belongs to Vega-Lite."""
    location = finding.location[2:]
    pointer = make_pointer(finding.location)
    what = ".".join(str(part) for part in location)
    if location in (("mark",), ("mark", "type")) and isinstance(finding.received, str):
        code, received = DiagnosticCode.UNKNOWN_MARK, finding.received
        return report_unknown_name(document, code, "unknown mark", received, list_marks(), pointer)
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
        f"See {_DOCUMENTATION}{location[0]}.html.",
        pointer,
        received=show_value(finding.received),
        allowed=finding.allowed,
    )


def _describe_unknown(
    document: ParsedDashboard, location: Location, pointer: str, finding: Finding
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
