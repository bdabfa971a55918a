"""Every call of the API against what its description says: statuses, content types, headers and bodies.

Requests are made by schemathesis from the document that `/openapi.json` serves: its examples, the bounds of
every schema, and random ones, valid and not. Saves and rollbacks are dry runs: other tests rely on what is there.
"""

import os
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.meta import TestPhase

from shared.api.manifest import get_manifest
from shared.api.openapi.document import build_openapi
from shared.time_zones import TIME_ZONE_FORMAT
from tests.fixtures.stack import ADMIN

pytestmark = [pytest.mark.stack, pytest.mark.timeout(500)]

JSON = "application/json"
# A proxy answers TRACE itself, and it does not know what each path allows.
METHODS = ["GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"]
MAX_EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "10"))
CALL_TIMEOUT_SECONDS = 60
# The shell of a page is the same for every address, and an invalid file is an answer, not an error.
ANSWERED_ANYWAY = {"/view/{slug}", "/view/{slug}/lineage", "/edit/{slug}", "/dashboards/validate"}
FILE = """\
version: 1
slug: example-{number}
title: Example
dataset: nyc
queries:
  one: {{sql: SELECT 1 AS one}}
charts:
  - {{id: one, title: One, query: one, type: metric, value: one}}
"""
WRITES = {"/dashboards/save", "/dashboards/rollback"}
# No schema can describe what a provider sends a browser back with: whatever is made up is refused.
REFUSED_ANYWAY = {"/auth/callback"}
# Nothing is deleted by these calls but sessions, and every caller is signed in.
PASSED_OVER = ("ignored_auth", "use_after_free", "ensure_resource_availability")

api = schemathesis.openapi.from_dict(
    build_openapi(get_manifest(), "1.0.0"),
    config=SchemathesisConfig.from_dict(
        {"generation": {"database": "none"}, "phases": {"coverage": {"unexpected-methods": METHODS}}}
    ),
)
load_all_checks()
schemathesis.openapi.format(TIME_ZONE_FORMAT, st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]))


def make_harmless(case: Case) -> Case:
    """The same request, saving nothing."""
    if case.path not in WRITES:
        return case
    if isinstance(case.body, dict) and case.media_type == JSON:
        case.body["dry_run"] = True
    else:
        case.query = {**(case.query or {}), "dry_run": "true"}
    return case


def fill_in(case: Case) -> None:
    """Put something right where no schema can describe what is: files, SQL, values of a dashboard's parameters.

    So what a request's shape allows has to be accepted, too. What is made to be refused stays as it is. Examples alone
    start jobs: one for each call would take longer than all calls together.
    """
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    is_example = case.meta.phase.name is TestPhase.EXAMPLES
    if case.path in {"/dashboards/compile", "/dashboards/save"}:
        _fill_in_files(case)
    elif case.path == "/sql/run":
        case.body |= {"sql": "SELECT 1 AS one", "parameters": []}
        case.body |= {} if is_example else {"dry_run": True}
        if isinstance(case.body.get("max_bytes_billed"), str):
            case.body["max_bytes_billed"] = "1 GB"  # a pattern bounds no number
    elif case.path == "/precompute":
        case.body |= {} if is_example else {"force": False}
    elif case.path == "/precompute/variant":
        case.body |= {"parameters": {}} if is_example else {"parameters": {}, "force": False}
    elif case.path == "/dashboards/rollback":
        case.body = list({item["slug"]: item for item in case.body}.values())
    elif case.path == "/data/{slug}":
        case.query = {}
    elif case.path == "/costs":
        _put_in_order(case.query or {})


def _fill_in_files(case: Case) -> None:
    if case.media_type != JSON:
        case.body = yaml.safe_load(FILE.format(number=0))
        return
    # They belong to the YAML form: beside JSON they are refused, which a description of parameters cannot say.
    (case.query or {}).pop("dry_run", None)
    (case.headers or {}).pop("If-Match", None)
    items = case.body.get("dashboards", [])
    del items[2:]  # each is planned by dry runs
    for number, item in enumerate(items):
        item |= {"path": f"dashboards/example-{number}.yaml", "yaml": FILE.format(number=number), "files": {}}


def _put_in_order(query: dict[str, Any]) -> None:
    """A range of a day, and no grouping twice."""
    if day := query.get("from") or query.get("to"):
        query |= {"from": day, "to": day}
    if "by" in query:
        query["by"] = ",".join(dict.fromkeys(query["by"].split(",")))


@api.parametrize()
@settings(max_examples=MAX_EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_api_describes_it(case, stack):
    more = [
        *(["negative_data_rejection"] if case.path in ANSWERED_ANYWAY else []),
        *(["positive_data_acceptance"] if case.path in REFUSED_ANYWAY else []),
    ]
    fill_in(case)
    make_harmless(case).call_and_validate(
        base_url=stack.url,
        headers={"Authorization": f"Bearer {stack.token(ADMIN)}"},
        excluded_checks=CHECKS.get_by_names((*PASSED_OVER, *more)),
        timeout=CALL_TIMEOUT_SECONDS,
        allow_redirects=False,
    )
