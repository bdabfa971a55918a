"""POST /dashboards/compile: the plan of each dashboard, by dry runs."""

from contextlib import closing

import flask

from shared.api.answers.compile_response import describe_invalid, describe_progress
from shared.api.answers.ndjson import NDJSON_TYPE, build_ndjson_response
from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.container import get_container
from shared.schemas.plans import CompileRequest, CompileResponse


@endpoint("dashboards_compile", span="dashboard.compile")
def dashboards_compile(call: Call) -> Reply | flask.Response:
    """Plan every dashboard of the body; 422 when one is invalid; NDJSON progress for who prefers it."""
    container = get_container()
    body = (
        call.build_body(CompileRequest, dashboards=[{"yaml": call.read_yaml()}])
        if call.is_yaml
        else call.parse_json(CompileRequest)
    )
    sources = [item.to_source() for item in body.dashboards] or container.catalog.load_sources(body.slugs)
    plans = container.compilation.iterate_dashboards(
        sources, actor=call.caller.email, all_variants=body.variants == "all"
    )
    plans = container.call_limits.hold_compile(call.caller.email, plans)
    if call.prefers(NDJSON_TYPE):
        return build_ndjson_response(
            call, describe_progress(len(sources), plans, kept_prices=body.kept_prices)
        )
    with closing(plans):
        compiled = list(plans)
    return Reply(
        CompileResponse.from_compiled(compiled, kept_prices=body.kept_prices),
        failure=describe_invalid(compiled),
    )
