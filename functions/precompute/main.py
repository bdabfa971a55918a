"""POST /precompute and /precompute/variant: bring dashboards, or one variant, up to date."""

import flask

from shared.api.answers.precompute_response import build_precompute_response
from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.auth.principals import Role
from shared.container import get_container
from shared.schemas.precompute import PrecomputeRequest, VariantRequest


@endpoint("precompute", span="precompute.run", action="precompute.run")
def precompute(call: Call) -> Reply | flask.Response:
    """Refresh the dashboards of the body; NDJSON progress for who accepts it."""
    service = get_container().precompute
    actor, is_person = call.caller.email, call.caller.kind == "user"
    if call.route == "/precompute/variant":
        one = call.parse_json(VariantRequest)
        call.action_targets = [one.slug]
        may_refresh = call.caller.role >= Role.EDITOR
        events = service.refresh_variant(
            one.slug,
            one.parameters,
            actor=actor,
            may_refresh=may_refresh,
            force=one.force,
            restart=one.force and is_person,
        )
        return build_precompute_response(call, events)
    body = call.parse_json(PrecomputeRequest)
    if body.due:
        get_container().housekeeper.try_clear()
        get_container().publisher.try_publish_all()
    slugs = service.choose_slugs(body.slugs, due_only=body.due)
    call.action_targets = slugs
    events = service.refresh_dashboards(
        slugs,
        actor=actor,
        force=body.force,
        all_variants=body.variants == "all",
        restart=body.force and is_person,
    )
    return build_precompute_response(call, events)
