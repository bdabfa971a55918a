"""People and service accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.database.models.users import Role, User, UserKind
from shared.database.repositories.base import Repository


@dataclass(frozen=True)
class SeenUser:
    """Somebody who proved who they are, with the role the settings give them now."""

    email: str
    role: Role
    seen_at: datetime
    display_name: str = ""
    kind: UserKind = UserKind.USER


class UserRepository(Repository):
    """Reads and writes `users`; emails compare without regard to case."""

    def upsert_many(self, seen: Sequence[SeenUser]) -> list[User]:
        """Create or update by email and set `last_seen_at`; users in input order. All or nothing.

        An empty `display_name` keeps the one known; `disabled_at` is never touched.
        """
        latest = {user.email.lower(): user for user in seen}
        if not latest:
            return []
        new = insert(User)
        statement = new.on_conflict_do_update(
            index_elements=[func.lower(User.email)],
            set_={
                "display_name": func.coalesce(func.nullif(new.excluded.display_name, ""), User.display_name),
                "role": new.excluded.role,
                "kind": new.excluded.kind,
                "last_seen_at": new.excluded.last_seen_at,
            },
        ).returning(User)
        rows = [
            {
                "id": uuid4(),
                "email": user.email,
                "display_name": user.display_name,
                "role": user.role,
                "kind": user.kind,
                "last_seen_at": user.seen_at,
            }
            for _, user in sorted(latest.items())
        ]
        stored = {user.email.lower(): user for user in self._session.scalars(statement, rows)}
        return [stored[user.email.lower()] for user in seen]

    def get_by_emails(self, emails: Sequence[str]) -> dict[str, User]:
        """The known ones of `emails`, keyed as given."""
        if not emails:
            return {}
        wanted = [email.lower() for email in emails]
        users = self._session.scalars(select(User).where(func.lower(User.email).in_(wanted)))
        by_email = {user.email.lower(): user for user in users}
        return {email: by_email[email.lower()] for email in emails if email.lower() in by_email}

    def bind_subject(self, user_id: UUID, subject: str) -> bool:
        """Say which account a user is; False when it is another one by now."""
        is_free = User.subject.is_(None) | (User.subject == subject)
        statement = update(User).where(User.id == user_id, is_free).values(subject=subject)
        return self._session.execute(statement.returning(User.id)).first() is not None

    def unbind(self, emails: Sequence[str]) -> list[User]:
        """Let the next sign-in say which accounts these users are; returns those that there are."""
        wanted = [email.lower() for email in emails]
        statement = update(User).where(func.lower(User.email).in_(wanted)).values(subject=None)
        return list(self._session.scalars(statement.returning(User))) if wanted else []
