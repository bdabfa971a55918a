"""POST /dashboards/validate: diagnostics without asking the warehouse."""

import flask

from shared.api.answers.validation_formats import build_validation_reply
from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.container import get_container
from shared.schemas.dashboards import DashboardItem, ValidateRequest


@endpoint("dashboards_validate", span="dashboard.validate")
def dashboards_validate(call: Call) -> Reply | flask.Response:
    """Validate every dashboard of the body."""
    items = (
        [call.build_body(DashboardItem, yaml=call.read_yaml())]
        if call.is_yaml
        else call.parse_json(ValidateRequest).dashboards
    )
    results = get_container().validation.validate_dashboards([item.to_source() for item in items])
    return build_validation_reply(call, results)
