"""The answer of `/dashboards/validate`, as JSON or SARIF."""

import json
from collections.abc import Sequence

import flask

from shared.api.call import Call
from shared.api.responses import Reply
from shared.dashboards.validation import ValidationResult
from shared.schemas.dashboards import ValidateResponse

SARIF_TYPE = "application/sarif+json"


def build_validation_reply(call: Call, results: Sequence[ValidationResult]) -> Reply | flask.Response:
    """The verdicts; a SARIF 2.1.0 log for who prefers `application/sarif+json`."""
    if call.prefers(SARIF_TYPE):
        from shared.dashboards.formats.sarif import to_sarif

        log = to_sarif(results, call.settings.service_version)
        return flask.Response(json.dumps(log), content_type=SARIF_TYPE)
    return Reply(ValidateResponse.from_results(results))
