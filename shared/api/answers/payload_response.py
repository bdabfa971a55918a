"""The answer of `/data`: bytes compressed at precompute between a prefix and a suffix of this request."""

from datetime import datetime

import flask

from shared.api.answers.encoded_response import build_encoded_response
from shared.api.call import Call
from shared.api.responses import Encoding, ResponseFactory
from shared.precompute.payload.payload import ServedPayload
from shared.precompute.payload.splice import splice_gzip, splice_zstd


def build_payload_response(call: Call, served: ServedPayload, now: datetime) -> flask.Response:
    """200 with the envelope, or 304.

    The ETag is weak and of the content alone: the envelope around it differs from answer to answer. How fresh the
    content is stands in headers, so that a 304 says it too.
    """

    def build_body(encoding: Encoding) -> bytes:
        return _build_body(call, served, now, encoding)

    etag = served.payload.etag
    headers = describe_freshness(served, served.as_of_text, now)
    return build_encoded_response(call.request, etag, "application/json", build_body, headers, weak=True)


def describe_freshness(served: ServedPayload, as_of: str, now: datetime) -> list[tuple[str, str]]:
    """The headers that say how fresh an answer is whose data was read at `as_of`."""
    return [
        ("Almanac-As-Of", as_of),
        ("Almanac-Checked-At", served.checked_at_text),
        ("Almanac-Stale", "true" if served.is_stale(now) else "false"),
    ]


def _build_body(call: Call, served: ServedPayload, now: datetime, encoding: Encoding) -> bytes:
    factory = ResponseFactory(call.request_id, call.trace_id, call.settings.service_version)
    payload = served.payload
    prefix = b'{"success":true,"data":{' + served.describe_age(now)
    suffix = b'},"error":null,"metadata":' + factory.metadata_json() + b"}"
    if encoding is Encoding.ZSTD:
        return splice_zstd(prefix, payload.zstd_blocks, suffix, window_log=payload.zstd_window_log)
    if encoding is Encoding.GZIP:
        return splice_gzip(prefix, payload.fragment, suffix)
    return prefix + payload.fragment.inflate() + suffix
