"""What a function may not load to start and to give its first real answer."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import pytest

from deploy.local.parts import REPOSITORY
from shared.api.manifest import get_manifest
from shared.auth.principals import IdTokenClaims
from shared.auth.session_tokens import CSRF_HEADER_NAME, SESSION_COOKIE_NAME, derive_csrf_token
from tests.fixtures.functions import SHOP, FunctionHost
from tests.functions.data_router import make_environment

ANSWER = """
import json, sys
import functions_framework
function, request = json.loads(sys.argv[1])
application = functions_framework.create_app(function, f"functions/{function}/main.py")
answer = application.test_client(use_cookies=False).open(**request)
print(json.dumps([answer.status_code, answer.text[:500], list(sys.modules)]))
"""
# Neither checking ID tokens, which a browser does not send, nor migrations, nor exporting spans as OTLP.
NEVER = "alembic authlib joserfc opentelemetry.sdk shared.api.openapi shared.auth.tokens"
BIGQUERY = "google.cloud.bigquery google.auth pyarrow grpc"
FILES = "yaml jsonschema_rs shared.dashboards.definition.document shared.dashboards.validation"
SQL = "sqlglot shared.sql.parsing shared.warehouse.guard"
ORM = "sqlalchemy shared.database.models"


@dataclass(frozen=True)
class First:
    """A function's first request, which is answered with 200, and the modules it must do without."""

    function: str
    path: str
    absent: str
    body: Any = None


FILE = {"dashboards": [{"path": "shop.yaml", "yaml": SHOP}]}
FIRSTS = [
    First("auth", "/auth/config", f"{ORM} {SQL} {FILES} {BIGQUERY} pg8000 redis shared.dashboards"),
    First(
        "costs", "/costs",
        f"{SQL} {FILES} {BIGQUERY} redis croniter shared.dashboards shared.lineage shared.precompute "
        "shared.warehouse.bigquery",
    ),
    First(
        "lineage", "/lineage/shop",
        f"{SQL} {FILES} {BIGQUERY} redis croniter shared.dashboards shared.precompute shared.warehouse",
    ),
    *(
        First(
            "dashboards_read", path,
            f"{SQL} {FILES} {BIGQUERY} redis croniter shared.dashboards.plans shared.lineage shared.precompute "
            "shared.saving shared.sql shared.warehouse",
        )
        for path in ("/dashboards", "/dashboards/shop", "/dashboards/shop/versions")
    ),
    First(
        "data", "/data/shop",
        f"{ORM} {SQL} {FILES} {BIGQUERY} croniter pydantic requests shared.lineage shared.schemas shared.warehouse",
    ),
    First("viewer", "/", f"{ORM} {SQL} {FILES} {BIGQUERY} pg8000 pydantic redis shared.dashboards"),
    First(
        "dashboards_validate", "/dashboards/validate",
        f"{ORM} {BIGQUERY} croniter jsonschema redis shared.lineage shared.precompute shared.saving",
        FILE,
    ),
    First(
        "dashboards_compile", "/dashboards/compile",
        "google.cloud.storage jsonschema shared.lineage shared.precompute shared.saving", FILE,
    ),
    First("dashboards_save", "/dashboards/save", "google.cloud.storage jsonschema", {**FILE, "dry_run": True}),
    First(
        "dashboards_rollback", "/dashboards/rollback", "google.cloud.storage jsonschema",
        [{"slug": "shop", "to_version": 1}],
    ),
    First("dashboards_repair", "/dashboards/drift/repair", f"{BIGQUERY} google.cloud.storage jsonschema", {}),
    First(
        "sql_run", "/sql/run",
        f"{FILES} croniter google.cloud.storage redis shared.dashboards.plans shared.lineage shared.saving "
        "shared.precompute.refresh",
        {"sql": "SELECT 1 AS one", "dry_run": True},
    ),
    First("sql_run", "/sql/run", "pyarrow pandas grpc", {"sql": "SELECT name FROM shop.people"}),
    First("precompute", "/precompute", f"{BIGQUERY} google.cloud.storage jsonschema", {"due": True}),
]  # fmt: skip


def test_every_function_has_a_rule() -> None:
    assert {first.function for first in FIRSTS} == {entry.name for entry in get_manifest().functions}


@pytest.mark.parametrize("first", FIRSTS, ids=lambda first: f"{first.function} {first.path}")
def test_the_first_answer_loads_what_it_needs(computed_shop: FunctionHost, first: First) -> None:
    absent = f"{NEVER} {first.absent}".split()
    if first.function == "auth":
        absent.remove("shared.auth.tokens")
    loaded = load_for_answer(computed_shop, first)
    assert [name for name in absent if name in loaded] == []


def load_for_answer(functions: FunctionHost, first: First) -> set[str]:
    """The modules of a new process that has answered its first request, which came with a session's cookie."""
    email = "admin@example.com"
    claims = IdTokenClaims("admin", email, email, "Admin", None, int(time.time()) + 3600)
    token = functions.container.sessions.create(claims, None, None).token
    request = {
        "path": first.path,
        "method": "GET" if first.body is None else "POST",
        "headers": {
            "Cookie": f"{SESSION_COOKIE_NAME}={token}", CSRF_HEADER_NAME: derive_csrf_token(token),
        },
        **({} if first.body is None else {"json": first.body}),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", ANSWER, json.dumps([first.function, request])],
        cwd=REPOSITORY,
        env=make_environment(functions.container.settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    status, text, loaded = json.loads(done.stdout.splitlines()[-1])
    assert status == 200, text
    return set(loaded)


@pytest.mark.usefixtures("programs")
def test_pydantic_looks_for_no_plugins_among_the_packages() -> None:
    loading = (
        "import importlib.metadata as m, sys; m.entry_points = lambda **_: sys.exit('looked'); "
        "import shared.schemas.auth"
    )
    done = subprocess.run([sys.executable, "-c", loading], cwd=REPOSITORY, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
