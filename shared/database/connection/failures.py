"""The one place where a failure of PostgreSQL becomes an error of ours."""

from typing import TYPE_CHECKING

import pg8000.exceptions

from shared.errors import AlmanacError, DependencyUnavailableError, InvalidRequestError

if TYPE_CHECKING:
    from sqlalchemy.engine import ExceptionContext

BUSY = "All database connections of this process are busy."
UNIQUE_VIOLATION = "23505"

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_UNAVAILABLE_CLASSES = ("08", "53", "57", "58")  # connection, resources, operator intervention, system
_UNAVAILABLE_STATES = {
    "28000": "PostgreSQL refused the sign-in of this service.",
    "28P01": "PostgreSQL refused the password of this service.",
    "3D000": "The database of this service does not exist.",
    "40001": "PostgreSQL asks to repeat the transaction.",
    "40P01": "PostgreSQL ended the transaction because of a deadlock.",
    "55P03": "PostgreSQL waited too long for a lock that another request holds.",
    "57014": "PostgreSQL did not finish within the statement timeout.",
}
_UNSTORABLE_STATES = {
    "22003": "A number is out of range; accepted are 64-bit integers.",
    "22021": "A text holds the NUL character, which cannot be stored.",
    "22P05": "A text holds the NUL character, which cannot be stored.",
}
_CONNECTION_LOST_STATES = {"57P01", "57P02", "57P03"}


def read_server_error(error: BaseException | None) -> dict[str, str]:
    """The fields of the server's error message (`C` is the SQLSTATE, `n` the constraint); empty if none."""
    # SQLAlchemy wraps the driver's error; asking for its class would import it.
    error = getattr(error, "orig", error)
    if isinstance(error, pg8000.exceptions.DatabaseError) and error.args and isinstance(error.args[0], dict):
        return dict(error.args[0])
    return {}


def translate_failure(error: BaseException) -> AlmanacError | None:
    """The error to raise instead of `error`; None when it is a fault of ours and should stay as it is."""
    if isinstance(error, pg8000.exceptions.InterfaceError | OSError):
        return DependencyUnavailableError("PostgreSQL cannot be reached.")
    state = read_server_error(error).get("C", "")
    if state in _UNSTORABLE_STATES:
        return InvalidRequestError(_UNSTORABLE_STATES[state])
    if state in _UNAVAILABLE_STATES:
        return DependencyUnavailableError(_UNAVAILABLE_STATES[state])
    if state.startswith(_UNAVAILABLE_CLASSES):
        return DependencyUnavailableError(f"PostgreSQL is not available at the moment (SQLSTATE {state}).")
    return None


def is_connection_lost(error: BaseException) -> bool:
    """True when the connection is of no use any more: the network failed, or the server ended it."""
    lost = isinstance(error, pg8000.exceptions.InterfaceError)
    return lost or read_server_error(error).get("C") in _CONNECTION_LOST_STATES


def raise_translated(context: "ExceptionContext") -> None:
    """Listener of the engine's `handle_error` event."""
    error = context.original_exception
    if read_server_error(error).get("C") in _CONNECTION_LOST_STATES:
        context.is_disconnect = True
    if context.is_pre_ping and context.is_disconnect:
        return  # the pool replaces the stale connection
    if translated := translate_failure(error):
        raise translated
