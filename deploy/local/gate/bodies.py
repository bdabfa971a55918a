"""Bodies of requests: what they say, and the query in them in the words that the emulator is given."""

import asyncio
import gzip
import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from deploy.local.gate.reading.rewriting import rewrite_query


async def read_body(request: Request) -> tuple[bytes, dict[str, Any]]:
    """The body as it came, and what it says: {} when it is no JSON object, which the emulator will refuse."""
    body = await request.body()
    try:
        text = gzip.decompress(body) if _is_compressed(request) else body
        resource = json.loads(text)
    except (ValueError, OSError, EOFError):
        return body, {}
    return body, as_object(resource)


async def reword_query(
    request: Request, body: bytes, resource: dict[str, Any], place: Sequence[str]
) -> bytes:
    """The body with the query configuration at `place` reworded; `resource`, what the body says, stays as it is."""
    query: dict[str, Any] = resource
    for key in place:
        query = as_object(query.get(key))
    reworded = await asyncio.to_thread(rewrite_query, query["query"])
    return body if reworded is None else replace_text(request, resource, place, reworded)[0]


def replace_text(
    request: Request, resource: dict[str, Any], place: Sequence[str], text: str
) -> tuple[bytes, dict[str, Any]]:
    """The body with another text of the query at `place`, and what it then says."""
    query: dict[str, Any] = resource
    for key in place:
        query = as_object(query.get(key))
    changed = _replace(resource, place, {**query, "query": text})
    written = json.dumps(changed).encode()
    return gzip.compress(written) if _is_compressed(request) else written, changed


def as_object(value: object) -> dict[str, Any]:
    """The value, or {} when it is no object."""
    return value if isinstance(value, dict) else {}


def _replace(resource: dict[str, Any], place: Sequence[str], value: dict[str, Any]) -> dict[str, Any]:
    if not place:
        return value
    key, *rest = place
    return {**resource, key: _replace(as_object(resource.get(key)), rest, value)}


def _is_compressed(request: Request) -> bool:
    return request.headers.get("content-encoding") == "gzip"
