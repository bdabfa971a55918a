"""POST /dashboards/rollback: earlier content as a new version of each dashboard, all or none."""

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.container import get_container
from shared.schemas.rollbacks import RollbackQuery, RollbackRequest
from shared.schemas.saves import SaveResponse


@endpoint("dashboards_rollback", span="dashboard.rollback", action="dashboard.rollback")
def dashboards_rollback(call: Call) -> Reply:
    """Roll back every dashboard of the body."""
    dry_run = call.parse_query(RollbackQuery).dry_run == "true"
    items = [item.to_item() for item in call.parse_json(RollbackRequest).root]
    call.action_targets = [item.slug for item in items]
    saved = get_container().rollback.roll_back_dashboards(items, author=call.caller.email, dry_run=dry_run)
    return Reply(SaveResponse.from_saved(saved, dry_run=dry_run))
