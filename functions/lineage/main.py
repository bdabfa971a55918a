"""GET /lineage/{slug}: what feeds a dashboard. GET /lineage: what reads a table."""

import flask

from shared.api.answers.lineage_response import build_lineage_response
from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.container import get_container
from shared.schemas.lineage import LineageImpactQuery, LineageQuery


@endpoint("lineage", span="lineage.read")
def lineage(call: Call) -> Reply | flask.Response:
    """Read the graph of a dashboard's current version, or a page of what a table or column feeds."""
    service = get_container().lineage
    if "slug" not in call.path_parameters:
        asked = call.parse_query(LineageImpactQuery)
        impact = service.read_impact(asked.table, asked.column, asked.page, asked.page_size)
        return build_lineage_response(call, service, impact)
    query = call.parse_query(LineageQuery)
    graph = service.read_graph(call.path_text("slug"), query.level, query.direction, query.depth, query.node)
    return build_lineage_response(call, service, graph)
