"""Which account of the identity provider an address belongs to, as administrators change it."""

import logging
from collections.abc import Sequence

from shared.auth.allowlist import normalize_email
from shared.auth.sessions import SessionService
from shared.database.unit_of_work import Database

_LOGGER = logging.getLogger(__name__)


class AccountService:
    """What administrators do about accounts."""

    def __init__(self, database: Database, sessions: SessionService) -> None:
        self._database = database
        self._sessions = sessions

    def rebind(self, emails: Sequence[str]) -> list[bool]:
        """Let whoever next signs in under each address be its account; False where there is no such user.

        All or nothing. The sessions of those who were it end.
        """
        wanted = [_read_email(email) for email in emails]
        with self._database.begin() as work:
            unbound = {user.email: user.id for user in work.users.unbind(list(filter(None, wanted)))}
        self._sessions.revoke_for_users(list(unbound.values()))
        for email in unbound:
            _LOGGER.warning("%s is bound to no account any more", email)
        return [email in unbound for email in wanted]


def _read_email(text: str) -> str | None:
    try:
        return normalize_email(text)
    except ValueError:
        return None  # nobody signs in under what is no address
