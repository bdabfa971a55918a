"""A refresh that finds nothing new says so, and writes nothing but when it looked."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from shared.precompute.payload.payload import Payload
from tests.fixtures.functions import SHOP, FunctionHost

PATHS = [f"/data/shop?day=2024-01-0{day}" for day in (1, 2, 3)]
YAML = SHOP.replace(
    'values: ["2024-01-01", "2024-01-02"]', 'values: ["2024-01-01", "2024-01-02", "2024-01-03"]'
)


@dataclass(frozen=True)
class Kept:
    """What there is of a dashboard: blobs with the moment each was written, expired ones, rows, and answers."""

    blobs: dict[str, int]
    expired: int
    content: list[tuple[str, str]]
    etags: list[str]


@pytest.fixture
def shop(functions: FunctionHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[FunctionHost]:
    """A dashboard of three variants, computed; whoever compresses a payload from here on fails."""
    functions.save_shop(YAML)
    assert functions.precompute_shop()["variants_ready"] == 3
    with monkeypatch.context() as patched:
        patched.setattr(Payload, "encode", lambda *_args, **_names: pytest.fail("a payload was compressed"))
        yield functions


def read_kept(functions: FunctionHost, folder: Path) -> Kept:
    with functions.container.database.engine.begin() as connection:
        expired = connection.execute(text("SELECT count(*) FROM expired_blobs")).scalar_one()
        rows = connection.execute(text("SELECT etag, blob_path FROM payloads ORDER BY blob_path")).all()
    blobs = {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }
    etags = [functions.call("data", "GET", path).headers["ETag"] for path in PATHS]
    return Kept(blobs, expired, [(row[0], row[1]) for row in rows], etags)


def read_checks(functions: FunctionHost) -> list[datetime]:
    answers = [functions.call("data", "GET", path) for path in PATHS]
    checks = [answer.headers["Almanac-Checked-At"] for answer in answers]
    assert checks == [answer.json["data"]["checked_at"] for answer in answers]
    return [datetime.fromisoformat(one) for one in checks]


def test_three_in_a_row_write_no_blob_and_no_new_etag(shop: FunctionHost, tmp_path: Path) -> None:
    folder = tmp_path / "payloads"
    before, checks = read_kept(shop, folder), read_checks(shop)
    for _ in range(3):
        time.sleep(0.002)  # the headers have milliseconds
        report = shop.precompute_shop()
        assert {query["status"] for query in report["queries"]} == {"skipped_unchanged"}
        assert (report["variants_ready"], report["problems"]) == (3, [])
        assert read_kept(shop, folder) == before
        moved = read_checks(shop)
        assert all(new > old for new, old in zip(moved, checks, strict=True))
        checks = moved
    assert len(set(before.etags)) == 3
    assert all(etag.startswith('W/"') for etag in before.etags)


def test_its_report_says_as_many_bytes_are_ready(functions: FunctionHost) -> None:
    functions.save_shop(YAML)
    first = functions.precompute_shop()
    again = functions.precompute_shop()
    assert again["payload_bytes"] == first["payload_bytes"] > 0


def test_a_client_hears_of_the_check_with_304(shop: FunctionHost) -> None:
    first = shop.call("data", "GET", PATHS[0])
    time.sleep(0.002)
    shop.precompute_shop()
    again = shop.call("data", "GET", PATHS[0], headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Almanac-Checked-At"] > first.headers["Almanac-Checked-At"]
    assert again.headers["Almanac-As-Of"] == first.headers["Almanac-As-Of"]
    assert (again.headers["Almanac-Stale"], again.headers["ETag"]) == ("false", first.headers["ETag"])


def test_staleness_comes_with_304_and_leaves_the_etag(shop: FunctionHost) -> None:
    first = shop.call("data", "GET", PATHS[0])
    container = shop.container
    container.clock = lambda: datetime.now(UTC) + timedelta(hours=25)
    vars(container).pop("data", None)
    again = shop.call("data", "GET", PATHS[0], headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.headers["Almanac-Stale"]) == (304, "true")


def test_who_asks_as_one_did_before_the_etag_was_weak_is_answered_with_304(shop: FunctionHost) -> None:
    etag = shop.call("data", "GET", PATHS[0]).headers["ETag"]
    again = shop.call(
        "data", "GET", PATHS[0], headers={"If-None-Match": f'"other", {etag.removeprefix("W/")}'}
    )
    assert again.status_code == 304


def test_a_refresh_of_changed_data_has_new_etags_and_expires_the_blobs_before(
    functions: FunctionHost, tmp_path: Path
) -> None:
    functions.save_shop(YAML)
    functions.precompute_shop()
    before = read_kept(functions, tmp_path / "payloads")
    functions.precompute_shop(force=True)
    after = read_kept(functions, tmp_path / "payloads")
    assert not set(before.etags) & set(after.etags)
    assert after.expired > before.expired
    assert set(after.blobs) > set(before.blobs)


def test_a_failure_and_its_end_are_new_content(functions: FunctionHost) -> None:
    functions.save_shop(YAML)
    functions.precompute_shop()
    etags = [functions.call("data", "GET", PATHS[0]).headers["ETag"]]
    functions.restart_with(max_bytes_per_user_day=1)
    functions.precompute_shop(force=True)
    failed = functions.call("data", "GET", PATHS[0])
    assert failed.headers["Almanac-Stale"] == "true"
    etags.append(failed.headers["ETag"])
    functions.restart_with(max_bytes_per_user_day=10**12)
    functions.precompute_shop()
    healed = functions.call("data", "GET", PATHS[0])
    assert healed.headers["Almanac-Stale"] == "false"
    assert healed.headers["ETag"] == etags[0]
    assert etags[1] != etags[0]


def test_what_is_too_large_is_refused_again_without_being_written_again(
    functions: FunctionHost, tmp_path: Path
) -> None:
    functions.save_shop(YAML)
    functions.precompute_shop()
    functions.restart_with(max_payload_bytes=1000)
    functions.precompute_shop(force=True)
    before, checks = read_kept(functions, tmp_path / "payloads"), read_checks(functions)
    report = functions.precompute_shop()
    assert report["totals"]["payloads_kept"] == 3
    assert {problem["code"] for problem in report["problems"]} == {"PAYLOAD_TOO_LARGE"}
    assert read_kept(functions, tmp_path / "payloads") == before
    assert read_checks(functions) == checks


def test_the_size_that_is_judged_is_the_size_that_is_served(functions: FunctionHost) -> None:
    functions.save_shop(YAML)
    report = functions.precompute_shop()
    with functions.container.database.engine.begin() as connection:
        sizes = connection.execute(text("SELECT byte_count FROM payloads")).scalars().all()
    assert sum(sizes) == report["payload_bytes"]
    functions.restart_with(max_payload_bytes=max(sizes) - 1)
    problems = functions.precompute_shop()["problems"]
    assert len(problems) == sizes.count(max(sizes))
    assert all(f"has {max(sizes)} bytes" in problem["message"] for problem in problems)
    functions.restart_with(max_payload_bytes=max(sizes))
    assert functions.precompute_shop()["problems"] == []


def test_the_body_says_the_same_without_compression(shop: FunctionHost) -> None:
    """The members that a check moves are spliced around the content, outside of what is compressed."""
    answer = shop.call("data", "GET", PATHS[0], headers={"Accept-Encoding": "identity"})
    data: dict[str, Any] = json.loads(answer.data)["data"]
    assert list(data)[:3] == ["checked_at", "age_seconds", "stale"]
    assert data["as_of"] == answer.headers["Almanac-As-Of"]
