"""Answers whose bytes lie ready in several encodings: negotiated, with an ETag, 304 and HEAD."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

import flask

from shared.api.responses import Encoding, choose_encoding

VARY = "Accept-Encoding, Accept, Cookie, Authorization"
FRESH_SECONDS = 2
"""How long a router may repeat an answer: X-Accel-Expires, which nginx reads and takes away.

It counts whole seconds, so this and what follows may together last nearly one longer.
"""
LATE_SECONDS = 2
"""For how long after that it may still, while it fetches the next (RFC 5861)."""
CACHE_CONTROL = f"private, no-cache, stale-while-revalidate={LATE_SECONDS}"

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_ETAG_ENDINGS = {Encoding.ZSTD: "-zstd", Encoding.GZIP: "-gzip", Encoding.IDENTITY: ""}


class _ReadyResponse(flask.Response):
    """A 200 with its bytes and its length, or a 304: nothing is left to work out when it is sent."""

    default_mimetype = None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        """Headers and bytes as they are; Flask would copy the headers, look at each, and wrap the bytes."""
        start_response(self.status, self.headers.to_wsgi_list())
        return cast("list[bytes]", self.response)


def build_encoded_response(
    request: flask.Request,
    etag: str,
    content_type: str,
    build_body: Callable[[Encoding], bytes],
    headers: Sequence[tuple[str, str]] = (),
    *,
    weak: bool = False,
) -> flask.Response:
    """200 in the encoding the client prefers, or 304 when it has the content already.

    `etag` names the content, without quotes and whatever the encoding; `weak` says that the bytes of two answers may
    differ while their content does not. `headers` come on both, 200 and 304. The answer to HEAD has the headers of
    the one to GET but for its length, which takes making the body.
    """
    encoding = choose_encoding(request.environ.get("HTTP_ACCEPT_ENCODING", ""))
    etag += _ETAG_ENDINGS[encoding]
    validator = f'W/"{etag}"' if weak else f'"{etag}"'
    sent = [
        # In this order: nginx reads Cache-Control in the light of what it has read before.
        ("X-Accel-Expires", str(FRESH_SECONDS)),
        ("Cache-Control", CACHE_CONTROL),
        ("Vary", VARY),
        ("ETag", validator),
        *headers,
    ]
    known = request.environ.get("HTTP_IF_NONE_MATCH")
    # What a client has from here is one validator, which needs no parser; the comparison is weak (RFC 9110, 13.1.2).
    if known and (known == validator or request.if_none_match.contains_weak(etag)):
        return _ReadyResponse((), 304, sent)
    sent.append(("Content-Type", content_type))
    if encoding is not Encoding.IDENTITY:
        sent.append(("Content-Encoding", encoding.value))
    if request.method == "HEAD":
        response = flask.Response(None, 200, sent)
        response.headers.remove("Content-Length")
        return response
    body = build_body(encoding)
    return _ReadyResponse([body], 200, [*sent, ("Content-Length", str(len(body)))])
