"""What a handler gets: the parsed, authenticated request, whose client may have left.

WSGI has no word for that, but gunicorn hands its socket along. A proxy in front that hears of a client who left
closes its own connection (nginx does, unless `proxy_ignore_client_abort` says otherwise), which is then seen here.
"""

import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import flask

from shared.api.request_body import mark_read, read_in_time
from shared.auth.principals import Principal
from shared.errors import AlmanacError, InvalidRequestError, PayloadTooLargeError, UnauthenticatedError
from shared.settings import Settings

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_SOCKET = "gunicorn.socket"


def is_client_gone(environ: Mapping[str, object]) -> bool:
    """True when the connection of the request has ended; False also where nobody can say.

    Looks at what arrived without taking it: bytes that wait are the beginning of the next request, and no sign
    of leaving. Behind TLS that look is not possible.
    """
    connection = environ.get(_SOCKET)
    if not isinstance(connection, socket.socket) or isinstance(connection, ssl.SSLSocket):
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except (BlockingIOError, InterruptedError):
        return False  # nothing has arrived: the client waits
    except OSError:
        return True


# Not `isdecimal`: that takes the digits of every script, and as many of them as a header has room for.
IF_MATCH_PATTERN = r'^(W/)?"?([0-9]{1,9})"?$'
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml"})


@dataclass
class Call:
    """One request to one endpoint.

    `route` is the path template of the manifest that the path matched, by which a function with several routes tells
    them apart: a path may end like another one. `principal` is None on public routes only; the call that signs somebody
    in sets it. `action_targets` are what the row in `actions` will name;
    a handler of a state-changing call sets them. A stream says by `failure` how it ended, because its status
    was sent before.
    """

    request: flask.Request
    settings: Settings
    route: str
    path_parameters: Mapping[str, Any]
    principal: Principal | None
    request_id: str
    trace_id: str
    action_targets: list[str] = field(default_factory=list)
    bytes_billed: int = 0
    failure: AlmanacError | None = None

    @property
    def caller(self) -> Principal:
        """The signed-in caller. Raises UnauthenticatedError where a public route has none."""
        if self.principal is None:
            raise UnauthenticatedError("This call needs a session or a bearer token.")
        return self.principal

    def is_gone(self) -> bool:
        """True when the client has left; see `client_presence` for where that can be known."""
        return is_client_gone(self.request.environ)

    def path_text(self, name: str) -> str:
        """A path parameter as text."""
        return str(self.path_parameters[name])

    @property
    def is_yaml(self) -> bool:
        """True when the body is one raw YAML document, the one-item short form."""
        return self.request.mimetype in YAML_TYPES

    def accepts(self, media_type: str) -> bool:
        """True when the Accept header names `media_type` itself; a wildcard does not count."""
        return any(value.lower() == media_type and q > 0 for value, q in self.request.accept_mimetypes)

    def prefers(self, media_type: str) -> bool:
        """True when the Accept header names `media_type` and does not rate JSON above it."""
        accepted = self.request.accept_mimetypes
        return self.accepts(media_type) and accepted[media_type] >= accepted["application/json"]

    def read_body(self) -> bytes:
        """The body, at most `max_body_bytes` in `body_timeout_seconds`.

        Raises PayloadTooLargeError and RequestTimeoutError, and InvalidRequestError when it has no proper end.
        """
        request, limit = self.request, self.settings.max_body_bytes
        length = request.content_length
        if length is not None and length > limit:
            raise PayloadTooLargeError(f"The body has {length} bytes; at most {limit} are accepted.")
        body = read_in_time(
            request.environ,
            lambda: request.stream.read(limit + 1) if length is None else request.get_data(),
            self.settings.body_timeout_seconds,
        )
        if len(body) > limit:
            raise PayloadTooLargeError(f"The body has more than {limit} bytes.")
        mark_read(request.environ)
        return body

    def read_yaml(self) -> str:
        """The raw YAML body as text. Raises InvalidRequestError when it is not UTF-8."""
        try:
            return self.read_body().decode()
        except UnicodeDecodeError as error:
            raise InvalidRequestError(f"The body is not UTF-8: byte {error.start} cannot be read.") from error

    def read_if_match(self) -> int | None:
        """The version named by If-Match, such as `"3"`. Raises InvalidRequestError when it is not one."""
        given = self.request.headers.get("If-Match")
        if given is None:
            return None
        match = re.fullmatch(IF_MATCH_PATTERN, given.strip())
        if match is None:
            raise InvalidRequestError(f'If-Match is {given!r}; accepted: a version number such as "3".')
        return int(match[2])

    def parse_json[M: "BaseModel"](self, model: type[M]) -> M:
        """The JSON body as `model`. Raises InvalidRequestError naming every field that is wrong."""
        from pydantic import ValidationError

        if self.request.mimetype != "application/json":
            sent = self.request.mimetype or "none"
            raise InvalidRequestError(f"The content type is {sent}; accepted: application/json.")
        body = self.read_body()
        _refuse_repeated_keys(body)
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise _invalid(error, "The body") from error

    def build_body[M: "BaseModel"](self, model: type[M], **fields: object) -> M:
        """The `model` of a raw body and what came beside it. Raises InvalidRequestError."""
        from pydantic import ValidationError

        try:
            return model.model_validate(fields)
        except ValidationError as error:
            raise _invalid(error, "The body") from error

    def parse_query[M: "BaseModel"](self, model: type[M]) -> M:
        """The query string as `model`; a parameter given twice is refused."""
        from pydantic import ValidationError

        values = self.request.args.to_dict(flat=False)
        repeated = sorted(name for name, given in values.items() if len(given) > 1)
        if repeated:
            raise InvalidRequestError(f"Given more than once in the query string: {', '.join(repeated)}.")
        try:
            return model.model_validate({name: given[0] for name, given in values.items()})
        except ValidationError as error:
            raise _invalid(error, "The query string") from error


def _invalid(error: "ValidationError", where: str) -> InvalidRequestError:
    problems = cast("list[dict[str, object]]", json.loads(error.json(include_url=False, include_input=False)))
    details = [
        {
            "pointer": _make_pointer(problem["loc"]),
            # Pydantic's prefix for what a validator of ours says.
            "message": str(problem["msg"]).removeprefix("Value error, "),
            "type": problem["type"],
        }
        for problem in problems
    ]
    first = details[0]
    place = f" (at {first['pointer']})" if first["pointer"] else ""
    return InvalidRequestError(f"{where} is not accepted: {first['message']}{place}.", details=details)


def _refuse_repeated_keys(body: bytes) -> None:
    """Which of two values was meant, nobody can say; Pydantic takes the last.

    Raises InvalidRequestError. What is no JSON is left to Pydantic, which says where.
    """
    repeated: list[str] = []

    def read_object(pairs: list[tuple[str, object]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            repeated.extend(sorted({name for name in names if names.count(name) > 1}))

    try:
        json.loads(body, object_pairs_hook=read_object)
    except (ValueError, RecursionError):
        return
    if repeated:
        raise InvalidRequestError(f"The body has a key more than once: {', '.join(map(repr, repeated))}.")


def _make_pointer(location: object) -> str:
    """RFC 6901; the empty pointer is the whole."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in cast("list[object]", location))
    return "".join(f"/{part}" for part in parts)
