"""The answer of `/data` with `?query=`: one query's result as an Arrow IPC stream."""

from http import HTTPStatus

import flask

from shared.api.answers.encoded_response import build_encoded_response
from shared.api.answers.payload_response import describe_freshness
from shared.api.call import Call
from shared.api.responses import Encoding
from shared.dashboards.definition.head import QUERY_CHOICE
from shared.errors import InvalidRequestError
from shared.precompute.payload.payload import ResultStream, format_time
from shared.precompute.serving.service import DataService, ResultChoice

ARROW_TYPE = "application/vnd.apache.arrow.stream"
"""https://www.iana.org/assignments/media-types/application/vnd.apache.arrow.stream"""
_JSON_TYPE = "application/json"


def is_about_result(call: Call) -> bool:
    """True when the request names a query, or prefers Arrow to the whole dashboard as JSON."""
    environ = call.request.environ
    if QUERY_CHOICE in environ.get("QUERY_STRING", "") and QUERY_CHOICE in call.request.args:
        return True
    if "arrow" not in environ.get("HTTP_ACCEPT", "").lower():
        return False
    accepted = call.request.accept_mimetypes
    return call.accepts(ARROW_TYPE) and accepted[ARROW_TYPE] > accepted[_JSON_TYPE]


def build_result_response(call: Call, service: DataService, query: str) -> flask.Response:
    """200 with the stream of the query that the query string names, or 304.

    How fresh the data is stands in headers, so that it may change while the content, and its ETag, does not.
    Raises InvalidRequestError, naming the dashboard's queries, unless one is named and Arrow is accepted.
    """
    choice = service.choose_result(call.path_text("slug"), query)
    if not call.accepts(ARROW_TYPE):
        raise InvalidRequestError(
            f"?{QUERY_CHOICE}={choice.name} is answered as an Arrow stream only: send Accept: {ARROW_TYPE}. "
            f"Without ?{QUERY_CHOICE}= the answer has every query as JSON: {', '.join(choice.served.payload.results)}.",
            details=[{"accepted": [ARROW_TYPE], "queries": list(choice.served.payload.results)}],
        )
    stream = service.read_stream(choice)
    response = build_encoded_response(
        call.request,
        f"{stream.content_sha256[:32]}-arrow",
        ARROW_TYPE,
        lambda encoding: _choose_body(stream, encoding),
        _describe_freshness(choice),
    )
    if response.status_code == HTTPStatus.OK:
        name = f"{choice.served.payload.slug}-{choice.name}.arrows"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _choose_body(stream: ResultStream, encoding: Encoding) -> bytes:
    if encoding is Encoding.ZSTD:
        return stream.zstd
    return stream.gzipped if encoding is Encoding.GZIP else stream.inflate()


def _describe_freshness(choice: ResultChoice) -> list[tuple[str, str]]:
    headers = describe_freshness(choice.served, format_time(choice.result.as_of), choice.now)
    # Under the names of before, too, for the scripts that read them.
    return [*headers, *((f"X-{name}", value) for name, value in headers)]
