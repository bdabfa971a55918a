"""Questions in plain words and the dashboards drafted for them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import aliased

from shared.database.models.activity import Prompt, PromptStatus
from shared.database.repositories.base import RowRepository, json_rows, record_set, table_of
from shared.database.repositories.paging import Page, make_page, number_rows, pick_page
from shared.json_values import JsonObject


@dataclass(frozen=True)
class PromptAnswer:
    """How the answer to a prompt came out."""

    id: UUID
    status: PromptStatus
    finished_at: datetime | None
    slug: str | None = None
    answer_yaml: str | None = None
    error_code: str | None = None
    diagnostics: list[JsonObject] = field(default_factory=list)


_ANSWER_COLUMNS = [name for name in PromptAnswer.__dataclass_fields__ if name != "id"]


class PromptRepository(RowRepository[Prompt]):
    """Reads and writes `prompts`."""

    def answer_many(self, answers: Sequence[PromptAnswer]) -> None:
        """Write the answers of prompts."""
        if not answers:
            return
        table = table_of(Prompt)
        given = record_set(table, ["id", *_ANSWER_COLUMNS])
        self._session.execute(
            update(table)
            .where(table.c.id == given.c.id)
            .values({name: given.c[name] for name in _ANSWER_COLUMNS}),
            {"rows": json_rows(asdict(answer) for answer in answers)},
        )

    def get_many(self, ids: Sequence[UUID]) -> dict[UUID, Prompt]:
        """The known ones of `ids`."""
        if not ids:
            return {}
        return {row.id: row for row in self._session.scalars(select(Prompt).where(Prompt.id.in_(ids)))}

    def list_for_user(self, user_id: UUID, page: int = 1, page_size: int = 50) -> Page[Prompt]:
        """The prompts of a user, the latest first."""
        statement = select(Prompt).where(Prompt.user_id == user_id)
        numbered = number_rows(statement, [Prompt.created_at.desc(), Prompt.id.desc()])
        found = select(aliased(Prompt, numbered), numbered.c.row_position, numbered.c.row_total)
        rows = self._session.execute(pick_page(found, numbered, page, page_size))
        return make_page(rows, page, page_size)

    def delete_many(self, ids: Sequence[UUID]) -> int:
        """Delete prompts; how many there were."""
        if not ids:
            return 0
        table = table_of(Prompt)
        return len(
            self._session.execute(delete(table).where(table.c.id.in_(ids)).returning(table.c.id)).all()
        )
