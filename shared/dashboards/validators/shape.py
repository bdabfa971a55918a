"""Which keys the format has at a place of the file, and how messages name the place."""

from pydantic import BaseModel

from shared.dashboards.definition import document as models
from shared.dashboards.definition.charts import CHART_MODELS, chart_kind
from shared.dashboards.validators.parsed import ParsedDashboard

type Location = tuple[str | int, ...]


def clean_location(location: Location) -> Location:
    """The path in the file: without the chart kinds and key markers that Pydantic puts in between."""
    if len(location) >= 3 and location[0] == "charts" and location[2] in CHART_MODELS:
        location = location[:2] + location[3:]
    return tuple(part for part in location if part != "[key]")


def list_keys(document: ParsedDashboard, location: Location) -> list[str]:
    """The keys a mapping at `location` takes."""
    return list(describe_keys(document, location))


def describe_keys(document: ParsedDashboard, location: Location) -> dict[str, str]:
    """The keys a mapping at `location` takes, each with its description."""
    model = _model_at(document, location)
    fields = model.model_fields if model is not None else {}
    return {info.alias or name: info.description or "" for name, info in fields.items()}


def _model_at(document: ParsedDashboard, location: Location) -> type[BaseModel] | None:
    match location:
        case ():
            return models.DashboardDefinition
        case ("refresh",):
            return models.RefreshPolicy
        case ("budget",):
            return models.Budget
        case ("parameters", _):
            return models.ParameterDefinition
        case ("queries", _):
            return models.QueryDefinition
        case ("layout", _, _):
            return models.LayoutCell
        case ("charts", int(index)):
            charts = document.root.get("charts")
            chart = charts[index] if isinstance(charts, list) else None
            return CHART_MODELS.get(str(chart_kind(chart)))
    return None


def name_place(location: Location) -> str:
    """The place as people write it: `charts[0].title`."""
    if not location:
        return "the file"
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text[:120]
