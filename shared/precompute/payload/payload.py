"""What precompute keeps to be served, compressed once: a variant's payload, and a result's Arrow stream.

The stored form of both is one line of JSON (the header: what serving needs to know), sealed, followed by the content
in two encodings: DEFLATE and Zstandard blocks that `splice` puts into an answer, or gzip and a Zstandard frame served
as they lie. Reading them needs no Arrow. When a payload's data was last known to be current is not in it: that moves
without anything being written anew, and stands in the payload's row and in the pointer to it.

Length and checksum are in the seal, the header's first member, of no meaning to a release that knows none, so that
going back to one finds what was written meanwhile. It covers every byte behind it, the rest of the header included.
"""

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

from shared.precompute.payload.splice import (
    CompressedFragment,
    compress_blocks,
    compress_fragment,
    splice_zstd,
    try_inflate,
    try_read_zstd,
)

_SEAL = re.compile(rb'\{"seal":"([0-9a-f]{8}) ([0-9]{1,15})",')


@dataclass(frozen=True, slots=True)
class Opened:
    """Header and body; `is_sealed` is False for what was stored before there were seals, and is not checked yet."""

    header: Mapping[str, Any]
    body: bytes
    is_sealed: bool


def seal(header: Mapping[str, object], body: bytes) -> bytes:
    """The stored form. `header` has at least one member."""
    line = json.dumps(header, separators=(",", ":")).encode()
    rest = b"".join((line[1:], b"\n", body))
    return b'{"seal":"%08x %d",' % (zlib.crc32(rest), len(rest)) + rest


def open_sealed(stored: bytes) -> Opened:
    """Read the stored form. Raises ValueError when it is not one, or not the one that was stored."""
    found = _SEAL.match(stored)
    if found:
        rest = memoryview(stored)[found.end() :]
        if (zlib.crc32(rest), len(rest)) != (int(found[1], 16), int(found[2])):
            raise ValueError("damaged: its length or checksum is not that of its bytes")
    line, separator, body = stored.partition(b"\n")
    if not separator:
        raise ValueError("not a stored form: the header line is missing")
    try:
        header = json.loads(line)
    except RecursionError as error:
        raise ValueError("not a stored form: the header is nested too deeply") from error
    if not isinstance(header, dict):
        raise ValueError("not a stored form: the header is no object")
    return Opened(header, body, found is not None)


@dataclass(frozen=True)
class PayloadResult:
    """One query's result: where its Arrow stream lies in the payload store, and when its data was read (UTC)."""

    path: str
    as_of: datetime


@dataclass(frozen=True)
class Payload:
    """The answer to one variant of one version of a dashboard.

    `as_of` is when the oldest of its data was read (UTC); `has_error` is True while a refresh of one of its queries
    is failing. `content_sha256` names the content: equal contents, equal names. `fragment` is the JSON of the members
    of `data` without the braces around them; `zstd_blocks` is the same again for another encoding, with the logarithm
    of the window it needs. `results` are the queries by name, None for one without a result; `source_states`
    what their sources were then, for whoever has lost the rows that say so.
    """

    slug: str
    version: int
    as_of: datetime
    max_age_seconds: int
    max_stale_seconds: int
    has_error: bool
    content_sha256: str
    fragment: CompressedFragment
    zstd_blocks: bytes
    zstd_window_log: int
    results: Mapping[str, PayloadResult | None]
    source_states: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def encode(
        cls,
        members: bytes,
        *,
        slug: str,
        version: int,
        as_of: datetime,
        max_age_seconds: int,
        max_stale_seconds: int,
        has_error: bool,
        content_sha256: str,
        results: Mapping[str, PayloadResult | None],
        source_states: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Self:
        """Compress `members`, the JSON members of `data` without the braces around them."""
        return cls(
            slug, version, as_of, max_age_seconds, max_stale_seconds, has_error, content_sha256,
            compress_fragment(members), *compress_blocks(members), results, source_states or {},
        )  # fmt: skip

    def with_members(self, members: bytes, *, has_error: bool, content_sha256: str) -> Self:
        """The same payload with other members: as old, made of the same results."""
        return self.encode(
            members, slug=self.slug, version=self.version, as_of=self.as_of,
            max_age_seconds=self.max_age_seconds, max_stale_seconds=self.max_stale_seconds,
            has_error=has_error, content_sha256=content_sha256, results=self.results,
            source_states=self.source_states,
        )  # fmt: skip

    def to_bytes(self) -> bytes:
        """The stored form."""
        header = {
            "slug": self.slug,
            "version": self.version,
            "as_of": self.as_of.isoformat(),
            # For the release before, which may be gone back to: it has no other place to read it from.
            "checked_at": self.as_of.isoformat(),
            "max_age_seconds": self.max_age_seconds,
            "max_stale_seconds": self.max_stale_seconds,
            "has_error": self.has_error,
            "content_sha256": self.content_sha256,
            "size": self.fragment.size,
            "crc": self.fragment.crc,
            "shift": self.fragment.shift,
            "deflated_size": len(self.fragment.deflated),
            "zstd_window_log": self.zstd_window_log,
            "results": {
                name: result and [result.path, result.as_of.isoformat()]
                for name, result in self.results.items()
            },
            **({"source_states": self.source_states} if self.source_states else {}),
        }
        return seal(header, self.fragment.deflated + self.zstd_blocks)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read the stored form. Raises ValueError when it is not one, of another format, or damaged."""
        opened = open_sealed(stored)
        try:
            payload = cls._read(opened.header, opened.body)
            if not opened.is_sealed:
                payload.check_content()
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a stored payload of this format: {error!r}") from error
        return payload

    @classmethod
    def _read(cls, header: Mapping[str, Any], encoded: bytes) -> Self:
        split: int = header["deflated_size"]
        return cls(
            slug=header["slug"],
            version=header["version"],
            as_of=datetime.fromisoformat(header["as_of"]),
            max_age_seconds=header["max_age_seconds"],
            max_stale_seconds=header["max_stale_seconds"],
            has_error=header["has_error"],
            content_sha256=header["content_sha256"],
            fragment=CompressedFragment(
                encoded[:split], header["size"], header["crc"], tuple(header["shift"])
            ),
            zstd_blocks=encoded[split:],
            zstd_window_log=header["zstd_window_log"],
            results={name: result and _read_result(*result) for name, result in header["results"].items()},
            # A release that kept none of it was here before.
            source_states=header.get("source_states", {}),
        )

    def check_content(self) -> None:
        """Raise ValueError unless both encodings hold the bytes that the checksum of the fragment is of.

        Unpacks both: for what a release stored that sealed nothing.
        """
        frame = splice_zstd(b"", self.zstd_blocks, b"", window_log=self.zstd_window_log)
        for content in (self.fragment.try_inflate(), try_read_zstd(frame)):
            if content is None or (len(content), zlib.crc32(content)) != (
                self.fragment.size,
                self.fragment.crc,
            ):
                raise ValueError("damaged: its length or checksum is not that of its bytes")

    @property
    def stored_size(self) -> int:
        """Bytes of both encodings."""
        return len(self.fragment.deflated) + len(self.zstd_blocks)

    @property
    def etag(self) -> str:
        """Names the content, whatever is said of its age; without quotes and before any encoding."""
        return self.content_sha256[:32]


@dataclass(frozen=True)
class ServedPayload:
    """A payload and when its data was last known to be current (`checked_at`, UTC)."""

    payload: Payload
    checked_at: datetime

    def is_stale(self, now: datetime) -> bool:
        """True when nobody has checked within `max_age`, or the last refresh failed."""
        return self.payload.has_error or self._is_unchecked_for(self.payload.max_age_seconds, now)

    def is_expired(self, now: datetime) -> bool:
        """True beyond `max_stale`: such data is not served at all."""
        return self._is_unchecked_for(self.payload.max_stale_seconds, now)

    def describe_age(self, now: datetime) -> bytes:
        """The members of `data` that depend on when they are read, as JSON ending in a comma."""
        age = max(0, int((now - self.payload.as_of).total_seconds()))
        stale = "true" if self.is_stale(now) else "false"
        return f'"checked_at":"{self.checked_at_text}","age_seconds":{age},"stale":{stale},'.encode()

    @cached_property
    def as_of_text(self) -> str:
        """When the oldest of the data was read, as it is served."""
        return format_time(self.payload.as_of)

    @cached_property
    def checked_at_text(self) -> str:
        """`checked_at`, as it is served."""
        return format_time(self.checked_at)

    def _is_unchecked_for(self, seconds: int, now: datetime) -> bool:
        return (now - self.checked_at).total_seconds() > seconds


def _read_result(path: str, as_of: str) -> PayloadResult:
    return PayloadResult(path, datetime.fromisoformat(as_of))


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True)
class ResultStream:
    """One Arrow IPC stream in two encodings; `content_sha256` is over the stream itself."""

    content_sha256: str
    gzipped: bytes
    zstd: bytes

    @classmethod
    def encode(cls, stream: bytes) -> Self:
        """Compress a stream."""
        blocks, window_log = compress_blocks(stream)
        return cls(
            hashlib.sha256(stream).hexdigest(),
            gzip.compress(stream, mtime=0),
            splice_zstd(b"", blocks, b"", window_log=window_log),
        )

    def to_bytes(self) -> bytes:
        """The stored form."""
        header = {"content_sha256": self.content_sha256, "gzip_size": len(self.gzipped)}
        return seal(header, self.gzipped + self.zstd)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Read the stored form. Raises ValueError when it is not one, or damaged."""
        opened = open_sealed(stored)
        try:
            split: int = opened.header["gzip_size"]
            stream = cls(opened.header["content_sha256"], opened.body[:split], opened.body[split:])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a stored Arrow stream: {error!r}") from error
        if not opened.is_sealed:
            stream.check_content()
        return stream

    def check_content(self) -> None:
        """Raise ValueError unless both encodings hold the stream, for what a release stored that sealed nothing."""
        for content in (try_inflate(self.gzipped, 31), try_read_zstd(self.zstd)):
            if content is None or hashlib.sha256(content).hexdigest() != self.content_sha256:
                raise ValueError("damaged: its checksum is not that of its bytes")

    def inflate(self) -> bytes:
        """The stream itself."""
        return gzip.decompress(self.gzipped)
