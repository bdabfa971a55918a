"""Compression of answers on their way out, for where no router does it."""

import gzip

import flask

from shared.api.answers.accept_encoding import Encoding, choose_encoding

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
