"""Payloads kept in the process."""

from datetime import UTC, datetime, timedelta

from shared.precompute.payload.payload import Payload, ServedPayload
from shared.precompute.serving.recent_payloads import RecentPayloads

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def make_payload(slug: str = "sales") -> ServedPayload:
    payload = Payload.encode(
        b'"a":1', slug=slug, version=1, as_of=NOW, max_age_seconds=60, max_stale_seconds=600,
        has_error=False, content_sha256="0" * 64, results={},
    )  # fmt: skip
    return ServedPayload(payload, NOW)


def test_an_entry_is_good_until_its_time_is_over() -> None:
    recent = RecentPayloads(2.0, max_bytes=10_000)
    payload = make_payload()
    recent.put("sales", "", payload, NOW)
    assert recent.get("sales", "", NOW + timedelta(seconds=1.9)) is payload
    assert recent.get("sales", "", NOW + timedelta(seconds=2)) is None
    assert recent.get("sales", "day=1", NOW) is None
    assert recent.get("other", "", NOW) is None


def test_no_seconds_keep_nothing() -> None:
    recent = RecentPayloads(0, max_bytes=10_000)
    recent.put("sales", "", make_payload(), NOW)
    assert recent.get("sales", "", NOW) is None
    assert len(recent) == 0


def test_the_oldest_make_room_and_replacing_takes_none() -> None:
    payload = make_payload()
    recent = RecentPayloads(2.0, max_bytes=payload.payload.stored_size * 2)
    for query in ("a", "b", "b", "c"):
        recent.put("sales", query, payload, NOW)
    assert [recent.get("sales", query, NOW) for query in ("a", "b", "c")] == [None, payload, payload]


def test_what_is_larger_than_all_there_is_is_not_kept() -> None:
    recent = RecentPayloads(2.0, max_bytes=1)
    recent.put("sales", "", make_payload(), NOW)
    assert len(recent) == 0


def test_without_an_answer_an_entry_is_believed_longer_but_not_for_ever() -> None:
    recent = RecentPayloads(2.0, max_bytes=10_000, seconds_without_answer=60)
    payload = make_payload()
    recent.put("sales", "", payload, NOW)
    late = NOW + timedelta(seconds=50)
    assert recent.get("sales", "", late) is None
    assert recent.believe("sales", "", late) is payload
    assert recent.get("sales", "", late + timedelta(seconds=1)) is payload
    assert recent.believe("sales", "", NOW + timedelta(seconds=60)) is None
    assert recent.believe("sales", "other", NOW) is None
