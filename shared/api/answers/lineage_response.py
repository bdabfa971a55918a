"""The answer of `/lineage`, in our shape or as OpenLineage events."""

import json

import flask

from shared.api.call import Call
from shared.api.responses import Reply
from shared.lineage.model import LineageGraph
from shared.lineage.service import LineageService
from shared.schemas.lineage import LineageResponse

OPENLINEAGE_TYPE = "application/vnd.openlineage+json"


def build_lineage_response(
    call: Call, service: LineageService, graph: LineageGraph
) -> Reply | flask.Response:
    """The graph, or a JSON array of OpenLineage events for who accepts `application/vnd.openlineage+json`."""
    if not call.prefers(OPENLINEAGE_TYPE):
        return Reply(LineageResponse.from_graph(graph))
    settings = call.settings
    events = service.export_events(
        graph, settings.public_url, f"{settings.public_url}/{settings.environment}"
    )
    return flask.Response(json.dumps(events), content_type=OPENLINEAGE_TYPE)
