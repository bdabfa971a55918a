"""The way to the emulator: pass a request on unchanged, or ask for JSON."""

import json
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from deploy.local.gate.errors import GateError
from deploy.local.gate.reading.complexity import too_complex

# Belong to one connection, not to the message (RFC 9110, section 7.6.1), or are set anew by each side.
_HOP_HEADERS = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "date", "server"}
)
API = "/bigquery/v2"
_CONNECT_TIMEOUT_SECONDS = 2.0
_READ_TIMEOUT_SECONDS = 600.0


class Upstream:
    """The emulator's REST API at `base_url`."""

    def __init__(self, base_url: str) -> None:
        timeout = httpx.Timeout(_READ_TIMEOUT_SECONDS, connect=_CONNECT_TIMEOUT_SECONDS)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(base_url=base_url, timeout=timeout, limits=limits, trust_env=False)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def stream(self, request: Request) -> Response:
        """Pass `request` on and its answer back, both piece by piece. Raises GateError when unreachable."""
        outgoing = self._client.build_request(
            request.method,
            _target(request),
            headers=_end_to_end(request.headers),
            content=_body(request),
        )
        answer = await self._send(outgoing, stream=True)
        return StreamingResponse(
            answer.aiter_raw(),
            answer.status_code,
            _end_to_end(answer.headers),
            background=BackgroundTask(answer.aclose),
        )

    async def forward(self, request: Request, body: bytes | AsyncIterator[bytes]) -> httpx.Response:
        """Pass `request` on with this body, and read the whole answer.

        Raises GateError when the emulator is unreachable, or gave a statement up for its depth.
        """
        headers = _end_to_end(request.headers)
        if isinstance(body, bytes):
            headers.pop("content-length", None)
        outgoing = self._client.build_request(request.method, _target(request), headers=headers, content=body)
        answer = await self._send(outgoing)
        if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR and b"RecursionError" in answer.content:
            raise too_complex()
        return answer

    async def send(self, method: str, path: str, *, body: object = None) -> httpx.Response:
        """Send one request and read its whole answer. Raises GateError when unreachable."""
        return await self._send(self._client.build_request(method, path, json=body))

    async def _send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        try:
            return await self._client.send(request, stream=stream)
        except httpx.TransportError as error:
            raise GateError(
                503, "backendError", f"The BigQuery emulator does not answer: {error!r}"
            ) from error


def copy_answer(answer: httpx.Response, body: object = None) -> Response:
    """The emulator's answer, with `body` as its JSON when given."""
    headers = _end_to_end(answer.headers)
    for name in ("content-length", "content-encoding"):
        headers.pop(name, None)
    content = answer.content if body is None else json.dumps(body).encode()
    return Response(content, answer.status_code, headers)


def _target(request: Request) -> str:
    query = request.url.query
    path = request.scope["raw_path"].decode("ascii")
    return f"{path}?{query}" if query else path


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOP_HEADERS}


def _body(request: Request) -> AsyncIterator[bytes] | None:
    carries_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    return request.stream() if carries_body else None
