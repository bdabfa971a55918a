"""The answer of `/lineage`, in our shape or as OpenLineage events."""

import json

import flask

from shared.api.call import Call
from shared.api.responses import Reply
from shared.lineage.model import LineageGraph
from shared.lineage.service import LineageImpact, LineageService
from shared.schemas.lineage import LineageImpactResponse, LineageResponse

OPENLINEAGE_TYPE = "application/vnd.openlineage+json"


def build_lineage_response(
    call: Call, service: LineageService, found: LineageGraph | LineageImpact
) -> Reply | flask.Response:
    """What was found, or a JSON array of OpenLineage events for who accepts `application/vnd.openlineage+json`."""
    graph = found.graph if isinstance(found, LineageImpact) else found
    if not call.prefers(OPENLINEAGE_TYPE):
        return Reply(_describe(found))
    settings = call.settings
    events = service.export_events(
        graph, settings.public_url, f"{settings.public_url}/{settings.environment}"
    )
    return flask.Response(json.dumps(events), content_type=OPENLINEAGE_TYPE)


def _describe(found: LineageGraph | LineageImpact) -> LineageResponse:
    if isinstance(found, LineageImpact):
        return LineageImpactResponse.from_impact(found)
    return LineageResponse.from_graph(found)
