"""GET /costs: what was billed, and what is left of today's budgets."""

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.auth.principals import Role
from shared.container import get_container
from shared.schemas.costs import CostQuery, CostResponse


@endpoint("costs", span="costs.read")
def costs(call: Call) -> Reply:
    """Read the ledger; other users' lines only for administrators."""
    container, search = get_container(), call.parse_query(CostQuery).to_search()
    report = container.costs.read_report(
        search, actor=call.caller.email, sees_everyone=call.caller.role >= Role.ADMIN
    )
    return Reply(CostResponse.from_report(report, container.settings.usd_per_tib))
