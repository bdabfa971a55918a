"""Whether everything a function stands on answers it, as its own service account and through its own network.

The smoke test after a deployment sends `X-Almanac-Check: dependencies` with a call of any of the function's routes: the
answer is this check's and the handler is not called. A path of its own would reach one function only, because the
router tells functions apart by path, and `/healthz` never comes through Google's load balancer.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shared.api.responses import Reply
from shared.auth.principals import Principal, Role
from shared.errors import AlmanacError, DependencyUnavailableError, ForbiddenError, UnauthenticatedError

if TYPE_CHECKING:
    from shared.container import Container

VARIABLE = "HTTP_X_ALMANAC_CHECK"
DEPENDENCIES_PATH = Path(__file__).with_name("dependencies.json")


def require_checker(principal: Principal | None) -> None:
    """Raise unless the caller may ask: what is wrong with a dependency names its address."""
    if principal is None:
        raise UnauthenticatedError("This check needs a bearer token.")
    if principal.kind != "service_account" and principal.role < Role.ADMIN:
        raise ForbiddenError(
            "Only a service account of SERVICE_ACCOUNT_EMAILS or an administrator may check."
        )


def check_dependencies(function: str, container: "Container") -> Reply:
    """Ask each dependency of the function once, at no cost.

    The answer lists them; it is DEPENDENCY_UNAVAILABLE, with what each of them said, when one does not answer.
    """
    asked = _load_dependencies()[function]
    faults = [
        {"dependency": name, "message": message}
        for name in asked
        if (message := _find_fault(_CHECKS[name], container)) is not None
    ]
    report = json.dumps({"dependencies": asked}).encode()
    if not faults:
        return Reply(report)
    said = "; ".join(f"{fault['dependency']}: {fault['message']}" for fault in faults)
    return Reply(report, failure=DependencyUnavailableError(said, details=list(faults)))


def _find_fault(check: Callable[["Container"], None], container: "Container") -> str | None:
    try:
        check(container)
    except AlmanacError as error:
        return error.message
    return None


def _ask_database(container: "Container") -> None:
    container.database.ping()


def _ask_cache(container: "Container") -> None:
    container.cache.ping()


def _ask_storage(container: "Container") -> None:
    # Listed, not read: of a bucket that does not exist Google says, as of an object, that it is not found.
    container.payload_store.list_blobs("check/nothing")


def _ask_warehouse(container: "Container") -> None:
    from shared.warehouse.models.queries import QueryRequest

    container.job_runner.dry_run(QueryRequest("SELECT 1 AS one"))


_CHECKS: Mapping[str, Callable[["Container"], None]] = {
    "database": _ask_database,
    "cache": _ask_cache,
    "storage": _ask_storage,
    "warehouse": _ask_warehouse,
}


@cache
def _load_dependencies() -> Mapping[str, list[str]]:
    dependencies: Mapping[str, list[str]] = json.loads(DEPENDENCIES_PATH.read_text())
    return dependencies
