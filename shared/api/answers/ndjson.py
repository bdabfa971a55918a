"""Progress as it happens: one JSON object per line, the last one saying how it ended."""

import logging
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Literal

import flask
from pydantic import BaseModel

from shared.api.call import Call
from shared.api.envelope import ErrorBody
from shared.api.responses import ResponseFactory
from shared.errors import AlmanacError, InternalError
from shared.telemetry.tracing import current_trace_id

NDJSON_TYPE = "application/x-ndjson"
_LOGGER = logging.getLogger(__name__)


class DoneLine(BaseModel):
    """The last line of a call that went through."""

    event: Literal["done"] = "done"


class ErrorLine(BaseModel):
    """The last line of a call that did not."""

    event: Literal["error"] = "error"
    error: ErrorBody


def build_ndjson_response(call: Call, lines: Generator[BaseModel]) -> flask.Response:
    """`lines` as they are made, then a `DoneLine` or an `ErrorLine`.

    `lines` is closed when the client leaves.
    """
    factory = ResponseFactory(call.request_id, current_trace_id(), call.settings.service_version)
    return flask.Response(_stream(call, lines, factory), content_type=NDJSON_TYPE)


def _stream(call: Call, lines: Generator[BaseModel], factory: ResponseFactory) -> Iterator[bytes]:
    """The status line is gone already when something fails: the failure has to be the last line."""
    try:
        # Closed when the client leaves: what runs for nobody is cancelled.
        with closing(lines):
            for line in lines:
                yield _dump(line)
    except AlmanacError as error:
        call.failure = error
    except Exception as error:
        _LOGGER.exception("Unexpected %s", type(error).__name__)
        call.failure = InternalError("Something went wrong on our side.")
    if call.failure:
        yield _dump(ErrorLine(error=factory.describe_error(call.failure)))
    else:
        yield _dump(DoneLine())


def _dump(line: BaseModel) -> bytes:
    return line.model_dump_json().encode() + b"\n"
