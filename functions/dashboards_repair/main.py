"""POST /dashboards/drift/repair: what an interrupted save left to do."""

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.container import get_container
from shared.schemas.drift import RepairResponse


@endpoint("dashboards_repair", span="dashboard.repair", action="dashboard.repair")
def dashboards_repair(call: Call) -> Reply:
    """Bring the blob store to what the index says."""
    repair = get_container().drift.repair_drift()
    call.action_targets = [slug for slug, _ in repair.written]
    return Reply(RepairResponse.from_repair(repair))
