"""The check after a deployment: what each function stands on, asked by the function itself."""

import pytest

from deploy.local.servers.fake_gcs import FakeGcsServer
from shared.container import Container, use_container
from shared.settings import Settings
from tests.fixtures.functions import FunctionHost

SCHEDULER = "scheduler@local.iam.gserviceaccount.com"
CHECK = {"X-Almanac-Check": "dependencies"}
CALLS = [
    ("dashboards_save", "POST", "/dashboards/save", ["database", "cache", "storage", "warehouse"]),
    ("data", "GET", "/data/1", ["database", "cache", "storage"]),
    ("lineage", "GET", "/lineage", ["database", "cache"]),
    ("costs", "GET", "/costs", ["database", "cache", "warehouse"]),
]


@pytest.mark.parametrize(("function", "method", "path", "dependencies"), CALLS, ids=[one[0] for one in CALLS])
@pytest.mark.parametrize("email", [SCHEDULER, "admin@example.com"])
def test_a_function_asks_all_it_stands_on(
    functions: FunctionHost, function: str, method: str, path: str, dependencies: list[str], email: str
) -> None:
    answer = functions.call(function, method, path, email=email, headers=CHECK)
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    assert answer.json["data"] == {"dependencies": dependencies}


def test_the_router_keeps_no_such_answer(functions: FunctionHost) -> None:
    answer = functions.call("data", "GET", "/data/1", email=SCHEDULER, headers=CHECK)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("email", "status"), [(None, 401), ("viewer@example.com", 403), ("editor@example.com", 403)]
)
def test_only_who_deploys_may_ask(functions: FunctionHost, email: str | None, status: int) -> None:
    answer = functions.call("costs", "GET", "/costs", email=email, headers=CHECK)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"database_url": "postgresql+pg8000://almanac:wrong@127.0.0.1:9/almanac"}, "database"),
        ({"cache_url": "redis://127.0.0.1:9/0"}, "cache"),
        ({"payload_store_url": "gs://nobodys-bucket/payloads"}, "storage"),
        ({"bigquery_endpoint": "http://127.0.0.1:9"}, "warehouse"),
    ],
)
def test_what_does_not_answer_is_named(
    functions: FunctionHost,
    function_settings: Settings,
    gcs_server: FakeGcsServer,
    changed: dict[str, str],
    named: str,
) -> None:
    settings = {**vars(function_settings), "storage_endpoint": gcs_server.endpoint, **changed}
    broken = Container(Settings(**settings))
    use_container(broken)
    try:
        answer = functions.call(
            "dashboards_compile", "POST", "/dashboards/compile", email=SCHEDULER, headers=CHECK
        )
    finally:
        broken.database.dispose()
    assert answer.status_code == 503
    assert answer.json is not None
    error = answer.json["error"]
    assert error["code"] == "DEPENDENCY_UNAVAILABLE"
    assert [one["dependency"] for one in error["details"]] == [named]
    assert error["message"].startswith(f"{named}: ")
