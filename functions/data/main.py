"""GET /data/{slug}: the payload that precompute left."""

import flask

from shared.api.answers.payload_response import build_payload_response
from shared.api.answers.result_response import build_result_response, is_about_result
from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.container import get_container


@endpoint("data", span="data.serve")
def data(call: Call) -> flask.Response:
    """Serve one variant of a dashboard, or the result of one of its queries as Arrow."""
    service = get_container().data
    query = call.request.query_string.decode(errors="replace")
    if is_about_result(call):
        return build_result_response(call, service, query)
    served, now = service.find_payload(call.path_text("slug"), query)
    return build_payload_response(call, served, now)
