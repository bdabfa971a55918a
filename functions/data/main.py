"""GET /data/{slug}: the payload that precompute left."""

import flask

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.payload_response import build_payload_response
from shared.container import get_container


@endpoint("data", span="data.serve")
def data(call: Call) -> flask.Response:
    """Serve one variant of a dashboard."""
    query = call.request.query_string.decode(errors="replace")
    payload, now = get_container().data.find_payload(call.path_text("slug"), query)
    return build_payload_response(call, payload, now)
