"""The answer of `/data`: bytes compressed at precompute between a prefix and a suffix of this request."""

from datetime import datetime

import flask

from shared.api.answers.accept_encoding import Encoding
from shared.api.answers.encoded_response import build_encoded_response
from shared.api.call import Call
from shared.api.responses import ResponseFactory
from shared.precompute.payload.gzip_splice import splice_gzip
from shared.precompute.payload.payload import Payload
from shared.precompute.payload.zstd_splice import splice_zstd


def build_payload_response(call: Call, payload: Payload, now: datetime) -> flask.Response:
    """200 with the envelope, or 304."""

    def build_body(encoding: Encoding) -> bytes:
        return _build_body(call, payload, now, encoding)

    return build_encoded_response(call.request, payload.make_etag(now), "application/json", build_body)


def _build_body(call: Call, payload: Payload, now: datetime, encoding: Encoding) -> bytes:
    factory = ResponseFactory(call.request_id, call.trace_id, call.settings.service_version)
    prefix = b'{"success":true,"data":{' + payload.describe_age(now)
    suffix = b'},"error":null,"metadata":' + factory.metadata_json() + b"}"
    if encoding is Encoding.ZSTD:
        return splice_zstd(prefix, payload.zstd_blocks, suffix, window_log=payload.zstd_window_log)
    if encoding is Encoding.GZIP:
        return splice_gzip(prefix, payload.fragment, suffix)
    return prefix + payload.fragment.inflate() + suffix
