"""The envelope of every answer.

``{"success", "data", "error", "metadata": {"timestamp", "request_id", "version", "trace_id"}}``; an error is
``{"code", "message", "remediation", "trace_id", "details"}``. `data` is serialised once and spliced in, so
that bytes prepared earlier cost nothing here.

Answers are compressed on their way out, for where no router does it.
"""

import gzip
import json
import time
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

import flask
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from shared.api.http_status import HTTP_STATUS
from shared.errors import AlmanacError, MethodNotAllowedError
from shared.sizes import format_seconds

if TYPE_CHECKING:
    from pydantic import BaseModel


class Encoding(StrEnum):
    """A content coding; the earlier one wins where the client likes two alike."""

    ZSTD = "zstd"
    GZIP = "gzip"
    IDENTITY = "identity"


@lru_cache(maxsize=256)
def choose_encoding(header: str) -> Encoding:
    """The encoding for an Accept-Encoding header, "" for none.

    Identity also where the client refuses everything we have: an answer it may not read says more than none.
    """
    accepted = parse_accept_header(header, Accept)
    weights = {one: _weigh(accepted, one) for one in (Encoding.ZSTD, Encoding.GZIP)}
    weights[Encoding.IDENTITY] = _weigh_identity(accepted)
    best = max(weights.values())
    return next(one for one, weight in weights.items() if weight == best) if best else Encoding.IDENTITY


def _weigh(accepted: Accept, encoding: Encoding) -> float:
    named = [q for value, q in accepted if value.lower() == encoding]
    return named[0] if named else next((q for value, q in accepted if value == "*"), 0)


def _weigh_identity(accepted: Accept) -> float:
    """What is not named at all is acceptable, but less than anything that is."""
    named = [q for value, q in accepted if value.lower() in {Encoding.IDENTITY, "*"}]
    return named[0] if named else 0.0001


_quote = lru_cache(maxsize=8)(json.dumps)


@dataclass
class Reply:
    """What a handler returns: `data` (a model, or JSON bytes made earlier), status and headers.

    With `failure` the answer is that error's, and carries the data all the same: diagnostics of a dashboard
    that does not compile, beside the plans of those that do.
    """

    data: "BaseModel | bytes"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    failure: AlmanacError | None = None


@dataclass(frozen=True)
class ResponseFactory:
    """Builds the answers of one request."""

    request_id: str
    trace_id: str
    version: str

    def metadata_json(self) -> bytes:
        """The `metadata` member."""
        # By hand: ids are letters and digits, and an encoder for the whole takes as long as the payload's splice.
        seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
        return (
            f'{{"timestamp":"{format_seconds(seconds)}.{milliseconds:03d}Z","request_id":"{self.request_id}",'
            f'"version":{_quote(self.version)},"trace_id":"{self.trace_id}"}}'
        ).encode()

    def build_success(self, reply: Reply) -> flask.Response:
        """The envelope around a handler's data."""
        # As `model_dump_json`, which would decode the bytes: an answer of 10 MB is held often enough.
        data = (
            reply.data
            if isinstance(reply.data, bytes)
            else reply.data.__pydantic_serializer__.to_json(reply.data, by_alias=True)
        )
        if reply.failure is not None:
            return self._build_failure(reply.failure, data)
        body = b"".join(
            (b'{"success":true,"data":', data, b',"error":null,"metadata":', self.metadata_json(), b"}")
        )
        return flask.Response(body, reply.status, reply.headers, content_type="application/json")

    def describe_error(self, error: AlmanacError) -> dict[str, object]:
        """The `error` member, as `ErrorBody` describes it."""
        return {
            "code": error.code,
            "message": error.message,
            "remediation": error.remediation,
            "trace_id": self.trace_id,
            "details": error.details,
        }

    def build_error(self, error: AlmanacError) -> flask.Response:
        """The envelope of a failure, with the status of its code."""
        return self._build_failure(error, b"null")

    def _build_failure(self, error: AlmanacError, data: bytes) -> flask.Response:
        body = json.dumps(self.describe_error(error), separators=(",", ":"), default=str).encode()
        envelope = (
            b'{"success":false,"data":'
            + data
            + b',"error":'
            + body
            + b',"metadata":'
            + self.metadata_json()
            + b"}"
        )
        response = flask.Response(envelope, HTTP_STATUS[error.code], content_type="application/json")
        response.headers["Cache-Control"] = "no-store"
        if error.retry_after_seconds is not None:
            response.headers["Retry-After"] = str(error.retry_after_seconds)
        if isinstance(error, MethodNotAllowedError):
            response.headers["Allow"] = ", ".join(error.allowed)
        return response


# Below that a compressed answer saves no packet.
_LEAST_BYTES = 1024
_TEXTS = ("text/", "application/javascript", "image/svg+xml")
_GZIP_LEVEL = 4
_ZSTD_LEVEL = 3


def compress_response(response: flask.Response, accept_encoding: str) -> None:
    """Encode the body as the Accept-Encoding header, "" for none, likes it best.

    Not a stream, which would hold back lines meant to be seen at once, nor an answer that has chosen its encoding
    itself: that says so by its Vary header.
    """
    headers = response.headers
    if "Accept-Encoding" in headers.get("Vary", "") or "Content-Encoding" in headers or response.is_streamed:
        return
    if not _is_text(response.mimetype or "") or (response.content_length or 0) < _LEAST_BYTES:
        return
    headers.add("Vary", "Accept-Encoding")
    encoding = choose_encoding(accept_encoding)
    if encoding is not Encoding.IDENTITY:
        response.set_data(_encode(response.get_data(), encoding))
        headers["Content-Encoding"] = encoding.value


def _is_text(media_type: str) -> bool:
    return media_type.endswith(("json", "yaml")) or media_type.startswith(_TEXTS)


def _encode(body: bytes, encoding: Encoding) -> bytes:
    if encoding is Encoding.GZIP:
        return gzip.compress(body, _GZIP_LEVEL, mtime=0)
    # Not loaded by functions that have nothing to compress.
    import zstandard

    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
