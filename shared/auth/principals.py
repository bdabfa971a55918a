"""Who is calling, and with what role."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID

MAX_TOKEN_LENGTH = 16 * 1024
"""Characters of the longest ID token that is looked at."""


class Role(StrEnum):
    """What a caller may do, ordered: a viewer reads, an editor changes and spends, an admin does all."""

    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    # A StrEnum compares as text, by which a viewer would outrank an admin.

    def __lt__(self, other: object) -> bool:
        return _RANKS[self] < _rank_of(other)

    def __le__(self, other: object) -> bool:
        return _RANKS[self] <= _rank_of(other)

    def __gt__(self, other: object) -> bool:
        return _RANKS[self] > _rank_of(other)

    def __ge__(self, other: object) -> bool:
        return _RANKS[self] >= _rank_of(other)


# By name, not by asking the enum: every call compares two.
_RANKS = {role: rank for rank, role in enumerate(Role)}


def _rank_of(role: object) -> int:
    if not isinstance(role, Role):
        raise TypeError(f"a Role compares with a Role only, not with {role!r}")
    return _RANKS[role]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `user_id` is None for a service account, `session_id` unless the caller came with a session cookie.
    """

    user_id: UUID | None
    email: str
    role: Role
    kind: Literal["user", "service_account"]
    session_id: UUID | None
    via: Literal["session", "bearer"]
    display_name: str = ""


@dataclass(frozen=True, slots=True)
class IdTokenClaims:
    """What a verified ID token says.

    `email` and `hosted_domain` (Google Workspace) are normalised; `expires_at_epoch` counts seconds.
    """

    issuer: str
    subject: str
    email: str
    name: str
    hosted_domain: str | None
    expires_at_epoch: int
