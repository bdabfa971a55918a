"""GET /data through nginx: repeats are answered there, and nobody gets what the function would refuse."""

import copy
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest
import zstandard

from deploy.rendering.nginx_cache import VERDICT_SECONDS
from shared.api.answers.encoded_response import FRESH_SECONDS, LATE_SECONDS
from shared.api.answers.result_response import ARROW_TYPE
from shared.auth.principals import IdTokenClaims
from shared.auth.session_tokens import SESSION_COOKIE_NAME
from tests.fixtures.functions import SHOP, FunctionHost
from tests.functions.data_router import DataRouter, run_data_router

pytestmark = pytest.mark.stack

PAYLOAD_SECONDS = 1
SESSION_SECONDS = 2
# What a save or a refresh takes at most to be seen, and a revoked session to be refused.
# nginx counts in whole seconds, so both may last nearly one longer.
NEWS_BOUND = FRESH_SECONDS + LATE_SECONDS + PAYLOAD_SECONDS + 1
REVOCATION_BOUND = VERDICT_SECONDS + SESSION_SECONDS + 1
PATH = "/data/shop"
OTHER_PATH = "/data/shop?day=2024-01-02"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def router(functions: FunctionHost, tmp_path: Path) -> Iterator[DataRouter]:
    """A router whose functions serve the shop, computed."""
    functions.save_shop()
    functions.precompute_shop()
    settings = copy.replace(
        functions.container.settings,
        otel_traces_exporter="console",
        payload_memory_seconds=PAYLOAD_SECONDS,
        session_cache_seconds=SESSION_SECONDS,
    )
    with run_data_router(settings, tmp_path / "router") as running:
        yield running


@pytest.fixture
def bearer(functions: FunctionHost) -> str:
    """What a viewer sends."""
    return f"Bearer {functions.oidc.fetch_id_token('viewer@example.com')}"


def sign_in(functions: FunctionHost, email: str) -> tuple[str, UUID]:
    """A browser's cookie and its session's id."""
    claims = IdTokenClaims("https://issuer.example", email, email, "Someone", None, int(time.time()) + 3600)
    session = functions.container.sessions.create(claims, None, None)
    assert session.principal.session_id is not None
    return f"{SESSION_COOKIE_NAME}={session.token}", session.principal.session_id


def test_repeats_are_answered_without_the_function(router: DataRouter, bearer: str) -> None:
    router.get(PATH, Authorization=bearer)

    def repeat() -> None:
        for _ in range(50):
            assert router.get(PATH, Authorization=bearer).status_code == 200

    assert router.count_answered_by_function(repeat) <= 3


def test_a_burst_of_first_requests_asks_a_warm_function_once(router: DataRouter, bearer: str) -> None:
    assert router.get(OTHER_PATH, Authorization=bearer).status_code == 200

    def burst() -> None:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: router.get(PATH, Authorization=bearer), range(16)))
        assert {answer.status_code for answer in answers} == {200}

    assert router.count_answered_by_function(burst) <= 2


def test_an_answer_is_fetched_anew_behind_the_back_of_who_asks(router: DataRouter, bearer: str) -> None:
    first = router.get(PATH, Authorization=bearer).json()["metadata"]["request_id"]
    time.sleep(FRESH_SECONDS + 1.1)

    def ask() -> str:
        return str(router.get(PATH, Authorization=bearer).json()["metadata"]["request_id"])

    late = []
    assert router.count_answered_by_function(lambda: late.append(ask()) or wait_until_not(first, ask)) == 1
    assert late == [first]


def test_no_answer_outlives_its_seconds_unread(router: DataRouter, bearer: str) -> None:
    first = router.get(PATH, Authorization=bearer).json()["metadata"]["request_id"]
    time.sleep(FRESH_SECONDS + LATE_SECONDS + 1.1)
    assert router.get(PATH, Authorization=bearer).json()["metadata"]["request_id"] != first


def wait_until_not(value: str, ask: Callable[[], str]) -> None:
    """Ask until the answer is another one."""
    deadline = time.monotonic() + FRESH_SECONDS
    while ask() == value:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_logged_out_get_nothing_however_often_others_asked(router: DataRouter, bearer: str) -> None:
    assert router.get(PATH, Authorization=bearer).status_code == 200
    for headers in (
        {},
        {"Authorization": "Bearer nonsense"},
        {"Cookie": f"{SESSION_COOKIE_NAME}={'x' * 43}"},
    ):
        answer = router.get(PATH, **headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHENTICATED")
        assert answer.headers["Cache-Control"] == "no-store"


def test_a_browser_without_a_session_is_sent_to_sign_in(router: DataRouter) -> None:
    answer = router.get(OTHER_PATH, Accept="text/html")
    location = "/auth/login?return_to=%2Fdata%2Fshop%3Fday%3D2024-01-02"
    assert (answer.status_code, answer.headers["Location"]) == (302, location)


def test_who_is_known_but_not_allowed_is_refused(
    router: DataRouter, functions: FunctionHost, bearer: str
) -> None:
    assert router.get(PATH, Authorization=bearer).status_code == 200
    scheduler = functions.oidc.fetch_id_token("scheduler@local.iam.gserviceaccount.com")
    answer = router.get(PATH, Authorization=f"Bearer {scheduler}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN")


def test_a_revoked_session_is_refused_within_the_bound(router: DataRouter, functions: FunctionHost) -> None:
    cookie, session_id = sign_in(functions, "viewer@example.com")
    other, _ = sign_in(functions, "editor@example.com")
    assert router.get(PATH, Cookie=cookie).status_code == 200
    functions.container.sessions.revoke([session_id])
    time.sleep(REVOCATION_BOUND + 0.5)
    # Another caller keeps the answer itself in the cache.
    assert router.get(PATH, Cookie=other).status_code == 200
    assert router.get(PATH, Cookie=cookie).status_code == 401


def test_each_variant_has_its_own_answer(router: DataRouter, bearer: str) -> None:
    for _ in range(2):
        days = [
            router.get(path, Authorization=bearer).json()["data"]["parameters"]["day"]
            for path in (PATH, OTHER_PATH)
        ]
        assert days == ["2024-01-01", "2024-01-02"]


def test_each_encoding_has_its_own_answer(router: DataRouter, bearer: str) -> None:
    for _ in range(2):
        for accepted, encoding in {
            "identity": None, "gzip": "gzip", "gzip, deflate, br, zstd": "zstd",
            "gzip;q=0.2, zstd;q=0.1": "gzip", "zstd;q=0, *;q=0.5": "gzip", "br": None,
        }.items():  # fmt: skip
            answer = router.get(PATH, Authorization=bearer, Accept_Encoding=accepted)
            assert answer.headers.get("Content-Encoding") == encoding, accepted
            assert "Accept-Encoding" in answer.headers["Vary"]
            content = answer.content
            if content[:1] == b"\x28":
                content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
            assert json.loads(content)["data"]["slug"] == "shop"


def test_arrow_and_json_are_kept_apart(router: DataRouter, bearer: str) -> None:
    path = f"{PATH}?query=names"
    for _ in range(2):
        table = pa.ipc.open_stream(
            router.get(path, Authorization=bearer, Accept=ARROW_TYPE).content
        ).read_all()
        assert table.column_names == ["id", "name"]
        refused = router.get(path, Authorization=bearer)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "INVALID_REQUEST")
        assert router.get(PATH, Authorization=bearer).json()["data"]["slug"] == "shop"
        assert router.get(PATH, Authorization=bearer, Accept=ARROW_TYPE).status_code == 400
        listed = router.get(path, Authorization=bearer, Accept=f"application/json, {ARROW_TYPE};q=0.1")
        assert listed.headers["Content-Type"] == ARROW_TYPE
        assert {"Accept", "Accept-Encoding"} <= set(listed.headers["Vary"].split(", "))


def test_a_stream_is_repeated_by_nginx_in_each_encoding(router: DataRouter, bearer: str) -> None:
    path = f"{PATH}?query=names"
    etags = {}

    def ask_twice() -> None:
        for coding in ("identity", "gzip", "zstd") * 2:
            answer = router.get(path, Authorization=bearer, Accept=ARROW_TYPE, Accept_Encoding=coding)
            assert answer.headers.get("Content-Encoding", "identity") == coding
            etags[coding] = answer.headers["ETag"]

    # Three, or more where the machine was so slow that an answer's seconds ended.
    assert router.count_answered_by_function(ask_twice) <= 5
    assert len(set(etags.values())) == 3
    known = router.get(path, Authorization=bearer, Accept=ARROW_TYPE, If_None_Match=etags["gzip"])
    assert (known.status_code, known.content) == (304, b"")
    head = router.get(path, method="HEAD", Authorization=bearer, Accept=ARROW_TYPE)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", etags["gzip"])
    assert router.get(path, Accept=ARROW_TYPE).status_code == 401


def test_head_has_the_headers_and_no_body(router: DataRouter, bearer: str) -> None:
    for _ in range(2):
        answer = router.get(PATH, method="HEAD", Authorization=bearer)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["ETag"] == router.get(PATH, Authorization=bearer).headers["ETag"]
    assert router.get(PATH, method="HEAD").status_code == 401


def test_a_range_is_answered_whole(router: DataRouter, bearer: str) -> None:
    for _ in range(2):
        answer = router.get(PATH, Authorization=bearer, Range="bytes=0-9")
        assert (answer.status_code, answer.json()["success"]) == (200, True)


def test_a_known_etag_is_answered_304_and_only_to_who_may_ask(router: DataRouter, bearer: str) -> None:
    etag = router.get(PATH, Authorization=bearer).headers["ETag"]
    again = router.get(PATH, Authorization=bearer, If_None_Match=etag)
    assert (again.status_code, again.content) == (304, b"")
    assert router.get(PATH, If_None_Match=etag).status_code == 401


def test_ids_are_those_of_this_request(router: DataRouter, bearer: str) -> None:
    router.get(PATH, Authorization=bearer, X_Request_Id="the-first-request")
    answer = router.get(
        PATH, Authorization=bearer, X_Request_Id="the-second-request", traceparent=TRACEPARENT
    )
    assert answer.headers["X-Request-Id"] == "the-second-request"
    assert answer.headers["traceparent"] == TRACEPARENT
    assert answer.headers["Cache-Control"] == "private, no-cache, stale-while-revalidate=2"
    assert "X-Accel-Expires" not in answer.headers


def test_errors_are_never_kept(router: DataRouter, functions: FunctionHost, bearer: str) -> None:
    wrong = "/data/shop?day=soon"

    def ask_thrice() -> None:
        assert [router.get(wrong, Authorization=bearer).status_code for _ in range(3)] == [400, 400, 400]

    assert router.count_answered_by_function(ask_thrice) == 3
    assert router.get("/data/other", Authorization=bearer).status_code == 404
    functions.save_shop(SHOP.replace("slug: shop", "slug: other"))
    functions.call("precompute", "POST", "/precompute", json={"slugs": ["other"]})
    assert router.get("/data/other", Authorization=bearer).status_code == 200


def test_a_save_is_seen_within_the_bound(router: DataRouter, functions: FunctionHost, bearer: str) -> None:
    assert router.get(PATH, Authorization=bearer).json()["data"]["version"] == 1
    functions.save_shop(SHOP.replace("People in the shop", "Renamed"))
    time.sleep(NEWS_BOUND + 0.2)
    data = router.get(PATH, Authorization=bearer).json()["data"]
    assert (data["version"], data["title"]) == (2, "Renamed")


def test_data_is_served_while_sign_in_restarts(router: DataRouter, bearer: str) -> None:
    router.services["auth"].kill()
    assert router.get(PATH, Authorization=bearer).status_code == 200
    assert router.get(PATH).status_code == 401
    router.services["data"].kill()
    # The answer may live on for its seconds; who asks is no longer known, so nobody gets it.
    answer = router.get(PATH, Authorization=bearer)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "DEPENDENCY_UNAVAILABLE")
