"""Every call of the API against what its description says: statuses, content types, headers and bodies.

Requests are made by schemathesis from the document that `/openapi.json` serves: its examples, the bounds of
every schema, and random ones, valid and not. Saves and rollbacks are dry runs: other tests rely on what is there.
"""

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from shared.api.manifest import get_manifest
from shared.api.openapi.document import build_openapi
from tests.fixtures.stack import ADMIN

pytestmark = [pytest.mark.stack, pytest.mark.timeout(500)]

JSON = "application/json"
# A proxy answers TRACE itself, and it does not know what each path allows.
METHODS = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]
MAX_EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "15"))
CALL_TIMEOUT_SECONDS = 60
# The shell of a page is the same for every address, and an invalid file is an answer, not an error.
ANSWERED_ANYWAY = {"/view/{slug}", "/view/{slug}/lineage", "/edit/{slug}", "/dashboards/validate"}
WRITES = {"/dashboards/save", "/dashboards/rollback"}
# Bodies and query strings that no schema can describe: files, SQL, values of a dashboard's parameters, pairs of dates,
# lists that name nothing twice, what a provider sent a browser back with.
REFUSED_ANYWAY = {
    "/dashboards/compile", "/dashboards/save", "/dashboards/rollback", "/sql/run", "/precompute/variant",
    "/data/{slug}", "/costs", "/auth/callback",
}  # fmt: skip
# Nothing is deleted by these calls but sessions, and every caller is signed in.
PASSED_OVER = ("ignored_auth", "use_after_free", "ensure_resource_availability")

api = schemathesis.openapi.from_dict(
    build_openapi(get_manifest(), "1.0.0"),
    config=SchemathesisConfig.from_dict(
        {"generation": {"database": "none"}, "phases": {"coverage": {"unexpected-methods": METHODS}}}
    ),
)
load_all_checks()


def make_harmless(case: Case) -> Case:
    """The same request, saving nothing."""
    if case.path not in WRITES:
        return case
    if isinstance(case.body, dict) and case.media_type == JSON:
        case.body["dry_run"] = True
    else:
        case.query = {**(case.query or {}), "dry_run": "true"}
    return case


@api.parametrize()
@settings(max_examples=MAX_EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_api_describes_it(case, stack):
    more = [
        *(["negative_data_rejection"] if case.path in ANSWERED_ANYWAY else []),
        *(["positive_data_acceptance"] if case.path in REFUSED_ANYWAY else []),
    ]
    make_harmless(case).call_and_validate(
        base_url=stack.url,
        headers={"Authorization": f"Bearer {stack.token(ADMIN)}"},
        excluded_checks=CHECKS.get_by_names((*PASSED_OVER, *more)),
        timeout=CALL_TIMEOUT_SECONDS,
        allow_redirects=False,
    )
