"""Going back to an earlier version."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from shared.saving.models import RollbackItem
from shared.schemas.base import RequestModel, Slug, Version


class RollbackItemModel(RequestModel):
    """One dashboard and the version whose content it gets back."""

    slug: Slug
    to_version: Version
    expected_version: Version | None = Field(None, description="Refuse unless this is the current version.")

    def to_item(self) -> RollbackItem:
        """What the service takes."""
        return RollbackItem(self.slug, self.to_version, self.expected_version)


class RollbackRequest(RootModel[Annotated[list[RollbackItemModel], Field(min_length=1, max_length=1000)]]):
    """Dashboards to roll back, all or none."""


class RollbackQuery(BaseModel):
    """The query string of a rollback."""

    model_config = ConfigDict(extra="forbid")

    dry_run: Literal["true", "false"] = "false"
