"""The row in `users` behind a sign-in."""

from datetime import datetime, timedelta

from shared.auth.allowlist import Allowlist
from shared.auth.principals import IdTokenClaims
from shared.database.models.users import Role as StoredRole
from shared.database.models.users import User
from shared.database.repositories.users import SeenUser
from shared.database.unit_of_work import UnitOfWork
from shared.errors import ForbiddenError

SEEN_INTERVAL = timedelta(minutes=1)
MAX_NAME_LENGTH = 200


def admit_user(work: UnitOfWork, allowlist: Allowlist, claims: IdTokenClaims, now: datetime) -> User:
    """The user of a verified ID token, created or brought up to date.

    Being seen is written at most once a minute. Raises ForbiddenError for an address that is not allowed or
    an account that was disabled.
    """
    allowlist.require_admissible(claims)
    role = StoredRole(allowlist.role_of(claims.email).value)
    user = work.users.get_by_emails([claims.email]).get(claims.email)
    if user is None or not _is_current(user, role, now):
        name = "".join(filter(str.isprintable, claims.name))[:MAX_NAME_LENGTH]
        user = work.users.upsert_many([SeenUser(claims.email, role, now, name)])[0]
    if user.disabled_at is not None:
        raise ForbiddenError(
            f"The account {user.email} is disabled.",
            remediation="Ask an administrator of this service to enable it.",
        )
    return user


def _is_current(user: User, role: StoredRole, now: datetime) -> bool:
    return user.role is role and user.last_seen_at is not None and now - user.last_seen_at < SEEN_INTERVAL
