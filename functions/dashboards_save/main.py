"""POST /dashboards/save: a new version of each dashboard, all or none."""

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.container import get_container
from shared.errors import InvalidRequestError
from shared.schemas.base import NoQuery
from shared.schemas.saves import SaveQuery, SaveRequest, SaveResponse


@endpoint("dashboards_save", span="dashboard.save", action="dashboard.save")
def dashboards_save(call: Call) -> Reply:
    """Save every dashboard of the body."""
    if call.is_yaml:
        item = {"yaml": call.read_yaml(), "expected_version": call.read_if_match()}
        query = call.parse_query(SaveQuery)
        body = call.build_body(SaveRequest, dashboards=[item], **query.model_dump())
    else:
        _refuse_options_of_yaml(call)
        body = call.parse_json(SaveRequest)
    saved = get_container().saving.save_dashboards(
        [item.to_item() for item in body.dashboards],
        author=call.caller.email, message=body.message, dry_run=body.dry_run,
    )  # fmt: skip
    call.action_targets = [one.slug for one in saved]
    return Reply(SaveResponse.from_saved(saved, dry_run=body.dry_run))


def _refuse_options_of_yaml(call: Call) -> None:
    """Passed over, they would turn what is meant as a dry run into a save."""
    call.parse_query(NoQuery)
    if call.request.headers.get("If-Match") is not None:
        remedy = "Give each dashboard its expected_version."
        raise InvalidRequestError("If-Match belongs to the YAML form of this call.", remediation=remedy)
