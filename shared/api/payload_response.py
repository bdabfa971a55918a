"""The answer of `/data`: bytes compressed at precompute between a prefix and a suffix of this request."""

from datetime import datetime

import flask

from shared.api.accept_encoding import Encoding, choose_encoding
from shared.api.call import Call
from shared.api.responses import ResponseFactory
from shared.precompute.payload import Payload
from shared.precompute.splice import splice_gzip
from shared.precompute.splice_zstd import splice_zstd
from shared.telemetry.tracing import current_trace_id

VARY = "Accept-Encoding, Accept, Cookie, Authorization"
_ETAG_ENDINGS = {Encoding.ZSTD: "-zstd", Encoding.GZIP: "-gzip", Encoding.IDENTITY: ""}


def build_payload_response(call: Call, payload: Payload, now: datetime) -> flask.Response:
    """200 with the envelope in the encoding the client prefers, or 304 when it has the content already.

    The answer to HEAD has the headers of the one to GET but for its length, which takes making the body.
    """
    request = call.request
    encoding = choose_encoding(request.environ.get("HTTP_ACCEPT_ENCODING", ""))
    etag = payload.make_etag(now) + _ETAG_ENDINGS[encoding]
    headers = [("Cache-Control", "private, no-cache"), ("Vary", VARY), ("ETag", f'"{etag}"')]
    if request.environ.get("HTTP_IF_NONE_MATCH") and request.if_none_match.contains(etag):
        return flask.Response(status=304, headers=headers)
    if encoding is not Encoding.IDENTITY:
        headers.append(("Content-Encoding", encoding.value))
    if request.method == "HEAD":
        response = flask.Response(None, 200, headers, content_type="application/json")
        response.headers.remove("Content-Length")
        return response
    body = _build_body(call, payload, now, encoding)
    return flask.Response(body, 200, headers, content_type="application/json")


def _build_body(call: Call, payload: Payload, now: datetime, encoding: Encoding) -> bytes:
    factory = ResponseFactory(call.request_id, current_trace_id(), call.settings.service_version)
    prefix = b'{"success":true,"data":{' + payload.describe_age(now)
    suffix = b'},"error":null,"metadata":' + factory.metadata_json() + b"}"
    if encoding is Encoding.ZSTD:
        return splice_zstd(prefix, payload.zstd_blocks, suffix, window_log=payload.zstd_window_log)
    if encoding is Encoding.GZIP:
        return splice_gzip(prefix, payload.fragment, suffix)
    return prefix + payload.fragment.inflate() + suffix
