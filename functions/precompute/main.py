"""POST /precompute and /precompute/variant: bring dashboards, or one variant, up to date."""

import flask

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.precompute_response import build_precompute_response
from shared.api.responses import Reply
from shared.container import get_container
from shared.schemas.precompute import PrecomputeRequest, VariantRequest


@endpoint("precompute", span="precompute.run", action="precompute.run")
def precompute(call: Call) -> Reply | flask.Response:
    """Refresh the dashboards of the body; NDJSON progress for who accepts it."""
    service = get_container().precompute
    if call.request.path.endswith("/variant"):
        variant = call.parse_json(VariantRequest)
        call.action_targets = [variant.slug]
        events = service.refresh_variant(variant.slug, variant.parameters, actor=call.caller.email)
        return build_precompute_response(call, events)
    body = call.parse_json(PrecomputeRequest)
    slugs = service.choose_slugs(body.slugs, due_only=body.due)
    call.action_targets = slugs
    events = service.refresh_dashboards(
        slugs, actor=call.caller.email, force=body.force, all_variants=body.variants == "all"
    )
    return build_precompute_response(call, events)
