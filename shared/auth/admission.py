"""The row in `users` behind a sign-in, and which account of the identity provider it is."""

import logging
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
_LOGGER = logging.getLogger(__name__)


def admit_user(work: UnitOfWork, allowlist: Allowlist, claims: IdTokenClaims, now: datetime) -> User:
    """The user of a verified ID token, created or brought up to date.

    The first account of the identity provider (`sub`) under an address is bound to it: an address can be given to
    somebody else, an account cannot. Being seen is written at most once a minute. Raises ForbiddenError for an address
    that is not allowed or is another account's, and for a user who was disabled.
    """
    allowlist.require_admissible(claims)
    role = StoredRole(allowlist.role_of(claims.email).value)
    user = work.users.get_by_emails([claims.email]).get(claims.email)
    if user is None or not _is_current(user, role, now):
        name = "".join(filter(str.isprintable, claims.name))[:MAX_NAME_LENGTH]
        user = work.users.upsert_many([SeenUser(claims.email, role, now, name)])[0]
    if user.subject != claims.subject:
        _bind(work, user, claims)
    if user.disabled_at is not None:
        raise ForbiddenError(
            f"The account {user.email} is disabled.",
            remediation="Ask an administrator of this service to enable it.",
        )
    return user


def _bind(work: UnitOfWork, user: User, claims: IdTokenClaims) -> None:
    if user.subject is not None or not work.users.bind_subject(user.id, claims.subject):
        raise _refuse_account(claims)
    _LOGGER.info("%s is bound to the account %s", claims.email, claims.subject)


def _refuse_account(claims: IdTokenClaims) -> ForbiddenError:
    _LOGGER.warning("The account %s is refused: %s is bound to another", claims.subject, claims.email)
    return ForbiddenError(
        f"{claims.email} belongs to another account of the identity provider here.",
        remediation="If the address was given to you, ask an administrator of this service to rebind it: "
        "POST /auth/accounts/rebind.",
    )


def _is_current(user: User, role: StoredRole, now: datetime) -> bool:
    return user.role is role and user.last_seen_at is not None and now - user.last_seen_at < SEEN_INTERVAL
