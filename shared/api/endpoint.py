"""The wrapper around every handler: route, trace, authenticate, call, answer, record."""

import contextvars
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from http import HTTPStatus
from random import getrandbits
from urllib.parse import quote
from uuid import UUID

import flask
from opentelemetry.trace import Span, Status, StatusCode

from shared.api import dependency_check
from shared.api.call import Call
from shared.api.garbage import resume_collection
from shared.api.http_status import HTTP_STATUS
from shared.api.request_body import lay_short_path
from shared.api.responses import Reply, ResponseFactory, compress_response
from shared.api.routes import get_routes
from shared.api.routing import Router, authorize, read_credentials
from shared.api.security_headers import SNIFFING, TRANSPORT
from shared.api.streaming import TracedStream
from shared.container import Container, get_container
from shared.errors import AlmanacError, InternalError, UnauthenticatedError
from shared.settings import Environment
from shared.telemetry.logs import configure_logging
from shared.telemetry.tracing import (
    SpanBlock,
    configure_tracing,
    extract_context,
    inject_context,
    read_trace_id,
    start_span,
)

Handler = Callable[[Call], Reply | flask.Response]
Explanation = Callable[[flask.Request, AlmanacError], flask.Response | None]
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
# From the WSGI environment: Flask's view of the headers costs more than reading them.
_TRACE_VARIABLES = {"traceparent": "HTTP_TRACEPARENT", "tracestate": "HTTP_TRACESTATE"}
_HEALTH_PATH = "/healthz"
_LOGGER = logging.getLogger(__name__)


def endpoint(
    name: str,
    *,
    span: str,
    action: str | Mapping[str, str] | None = None,
    explain: Explanation | None = None,
) -> Callable[[Handler], Callable[[flask.Request], flask.Response]]:
    """Make a handler of `Call` into the function `name` of the manifest.

    `span` names the request's span; `action`, for calls that change state or spend money, names the row
    that is left in `actions`: one name for all, or one for each route that changes something; `explain` may answer
    an error with a page. Raises LookupError when the manifest has no such entry or route.
    """
    routes = get_routes(name)
    router, actions = Router(routes), _name_actions(name, [route.path for route in routes], action)
    prepared: list[Container] = []
    is_starting = True

    def decorate(handler: Handler) -> Callable[[flask.Request], flask.Response]:
        @wraps(handler)
        def serve(request: flask.Request) -> flask.Response:
            nonlocal is_starting
            try:
                container = get_container()
                if container not in prepared:
                    configure_logging(container.settings)
                    configure_tracing(container.settings, name)
                    prepared[:] = [container]
            except Exception:
                _LOGGER.exception("The function %s cannot start", name)
                return _build_stillborn(request)
            # A context of its own: a streamed body goes on in it after this call has returned.
            context = contextvars.copy_context()
            exchange = _Exchange(container, router, handler, request, name, actions, explain)
            response = context.run(exchange.run, span, context)
            if is_starting and request.path != _HEALTH_PATH:
                is_starting = False
                resume_collection()
            return response

        lay_short_path(serve)
        return serve

    return decorate


class _Exchange:
    """One request on its way through the wrapper."""

    def __init__(
        self,
        container: Container,
        router: Router,
        handler: Handler,
        request: flask.Request,
        name: str,
        actions: Mapping[str, str],
        explain: Explanation | None,
    ) -> None:
        self._container = container
        self._router = router
        self._handler = handler
        self._request = request
        self._name = name
        self._actions = actions
        self._explain = explain
        self._started = time.perf_counter()
        self._request_id = _choose_request_id(request)
        self._trace_id = ""
        self._call: Call | None = None

    def run(self, span: str, context: contextvars.Context) -> flask.Response:
        parent = extract_context(_read_trace_headers(self._request.environ))
        attributes = {"http.request.method": self._request.method, "url.path": self._request.path}
        block = start_span(span, attributes, parent=parent)
        with block as active:
            self._trace_id = read_trace_id(active)
            factory = ResponseFactory(
                self._request_id, self._trace_id, self._container.settings.service_version
            )
            response = self._answer(factory, active)
            active.set_attribute("http.response.status_code", response.status_code)
            compress_response(response, self._request.environ.get("HTTP_ACCEPT_ENCODING", ""))
            self._set_headers(response, active)
            if response.is_streamed:
                self._leave_open(response, active, context, block)
            return response

    def _answer(self, factory: ResponseFactory, active: Span) -> flask.Response:
        try:
            reply = self._handle()
            response = factory.build_success(reply) if isinstance(reply, Reply) else reply
        except AlmanacError as error:
            return self._refuse(factory, active, error)
        except Exception as error:
            _LOGGER.exception("Unexpected %s", type(error).__name__)
            active.record_exception(error)
            return self._refuse(factory, active, InternalError("Something went wrong on our side."))
        if not response.is_streamed:
            self._record(None)
        return response

    def _redirect_to_login(self, error: AlmanacError) -> flask.Response | None:
        """A person who opens a page in a browser is sent to sign in; a program gets the error."""
        request = self._request
        wants_page = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if not isinstance(error, UnauthenticatedError) or not wants_page or request.path.startswith("/auth/"):
            return None
        return_to = quote(request.full_path.rstrip("?"), safe="")
        return flask.Response(status=302, headers={"Location": f"/auth/login?return_to={return_to}"})

    def _handle(self) -> Reply | flask.Response:
        request = self._request
        if request.path == _HEALTH_PATH and request.method in {"GET", "HEAD"}:
            return Reply(b'{"status":"ok"}')
        if dependency_check.VARIABLE in request.environ:
            return self._check()
        match = self._router.match(request.method, request.path)
        principal = authorize(
            match.route, read_credentials(request), request.method, lambda: self._container.authenticator
        )
        self._call = Call(
            request,
            self._container.settings,
            match.route.path,
            match.parameters,
            principal,
            self._request_id,
            self._trace_id,
        )
        return self._handler(self._call)

    def _check(self) -> Reply:
        authorization = read_credentials(self._request).authorization
        authenticator = self._container.authenticator
        dependency_check.require_checker(authenticator.authenticate(None, authorization))
        return dependency_check.check_dependencies(self._name, self._container)

    def _refuse(self, factory: ResponseFactory, active: Span, error: AlmanacError) -> flask.Response:
        _describe_failure(active, error)
        self._record(error)
        page = self._redirect_to_login(error) or (self._explain and self._explain(self._request, error))
        return page or factory.build_error(error)

    def _leave_open(
        self, response: flask.Response, active: Span, context: contextvars.Context, block: SpanBlock
    ) -> None:
        """Let the span and the row in `actions` wait for the last chunk: only then is the outcome known."""

        def finish(complete: bool) -> None:
            failure = self._call.failure if self._call else None
            if failure is None and not complete:
                failure = InternalError("The answer was not read to its end.")
            try:
                if failure:
                    _describe_failure(active, failure)
                self._record(failure)
            finally:
                block.close()

        block.leave_open()
        response.response = TracedStream(response.iter_encoded(), context, finish)

    def _record(self, error: AlmanacError | None) -> None:
        """Leave the row in `actions`. A failure to write it must not hide the answer itself."""
        call = self._call
        action = self._actions.get(call.route) if call else None
        # Without a caller a public route has changed nothing, and anybody could fill the table.
        if call is None or action is None or call.principal is None:
            return
        failed_job = error.failed_job if error else None
        try:
            self._container.action_log.record_actions(
                action,
                targets=call.action_targets or ["-"],
                principal=call.principal,
                error=error,
                bytes_billed=call.bytes_billed + (failed_job.bytes_settled if failed_job else 0),
                trace_id=self._trace_id,
            )
        except Exception:
            _LOGGER.exception("The action %s could not be recorded", action)

    def _set_headers(self, response: flask.Response, active: Span) -> None:
        elapsed = (time.perf_counter() - self._started) * 1000
        headers = response.headers
        # Added, not set: no handler has these, and setting one compares it with all that are there.
        headers.extend(
            [
                ("X-Request-Id", self._request_id),
                ("Server-Timing", f"total;dur={elapsed:.2f}"),
                SNIFFING,
                *inject_context(active).items(),
            ]
        )
        if self._container.is_database_lost:
            headers.add("Almanac-Degraded", "database")
        if "Cache-Control" not in headers:
            headers.add("Cache-Control", "no-store")
        if self._container.settings.environment is not Environment.LOCAL:
            headers.add(*TRANSPORT)


def _build_stillborn(request: flask.Request) -> flask.Response:
    """The answer of a function without settings: what is wrong with them is for its log alone."""
    factory = ResponseFactory(_choose_request_id(request), "0" * 32, "unknown")
    return factory.build_error(InternalError("The function cannot start; its log says why."))


def _choose_request_id(request: flask.Request) -> str:
    """The caller's, when it does no harm in logs and JSON."""
    given = request.environ.get("HTTP_X_REQUEST_ID", "")
    # Not uuid4(): asking the system for randomness lets other threads in, and an id is no secret.
    return given if _REQUEST_ID.fullmatch(given) else str(UUID(int=getrandbits(128), version=4))


def _name_actions(
    name: str, routes: Sequence[str], action: str | Mapping[str, str] | None
) -> Mapping[str, str]:
    if action is None:
        return {}
    if isinstance(action, str):
        return dict.fromkeys(routes, action)
    if unknown := sorted(set(action) - set(routes)):
        raise LookupError(f"{name!r} names actions for routes it does not have: {', '.join(unknown)}")
    return action


def _read_trace_headers(environ: Mapping[str, str]) -> dict[str, str]:
    given = {name: environ.get(variable) for name, variable in _TRACE_VARIABLES.items()}
    return {name: value for name, value in given.items() if value is not None}


def _describe_failure(active: Span, error: AlmanacError) -> None:
    active.set_attribute("error.type", error.code.value)
    # By OpenTelemetry's HTTP conventions a 4xx is the client's failure, not this server's.
    if HTTP_STATUS[error.code] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        active.set_status(Status(StatusCode.ERROR, error.message))
