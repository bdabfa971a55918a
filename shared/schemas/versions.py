"""Versions over time: comparing them, going back, and where the files differ from them."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel

from shared.dashboards.saved.listing import VersionDiff
from shared.saving.drift import DriftEntry, Repair
from shared.saving.rollback import RollbackItem
from shared.schemas.base import RequestModel, ResponseModel
from shared.schemas.saves import DiffModel


class RollbackItemModel(RequestModel):
    """One dashboard and the version whose content it gets back."""

    slug: str
    to_version: int = Field(ge=1)
    expected_version: int | None = Field(None, ge=1, description="Refuse unless this is the current version.")

    def to_item(self) -> RollbackItem:
        """What the service takes."""
        return RollbackItem(self.slug, self.to_version, self.expected_version)


class RollbackRequest(RootModel[Annotated[list[RollbackItemModel], Field(min_length=1, max_length=1000)]]):
    """Dashboards to roll back, all or none."""


class RollbackQuery(BaseModel):
    """The query string of a rollback."""

    model_config = ConfigDict(extra="forbid")

    dry_run: Literal["true", "false"] = "false"


class DiffQuery(BaseModel):
    """Which versions to compare: by default the current one with the one before it."""

    model_config = ConfigDict(extra="forbid")

    from_version: int | None = Field(None, alias="from", ge=1, le=999_999_999)
    to_version: int | None = Field(None, alias="to", ge=1, le=999_999_999)


class VersionDiffResponse(DiffModel):
    """What changed; `from_version` 0 means that the first version is all new."""

    slug: str
    from_version: int
    to_version: int

    @classmethod
    def from_comparison(cls, comparison: VersionDiff) -> Self:
        """The answer of the service."""
        return cls(
            slug=comparison.slug,
            from_version=comparison.from_version,
            to_version=comparison.to_version,
            **DiffModel.from_diff(comparison.diff).model_dump(),
        )


class DriftModel(ResponseModel):
    """One difference; kinds: pending, changed, removed, edited, unknown."""

    kind: str
    path: str
    slug: str | None
    version: int | None
    explanation: str


class DriftResponse(ResponseModel):
    """Every difference, sorted by path."""

    results: list[DriftModel]

    @classmethod
    def from_entries(cls, entries: Sequence[DriftEntry]) -> Self:
        """The answer of the service."""
        return cls(results=[DriftModel.model_validate(entry) for entry in entries])


class WrittenVersionModel(ResponseModel):
    """A version whose files are in the store now."""

    slug: str
    version: int


class RepairResponse(ResponseModel):
    """What a repair wrote, and the drift that is left."""

    written: list[WrittenVersionModel]
    remaining: list[DriftModel]

    @classmethod
    def from_repair(cls, repair: Repair) -> Self:
        """The answer of the service."""
        written = [WrittenVersionModel(slug=slug, version=version) for slug, version in repair.written]
        return cls(
            written=written, remaining=[DriftModel.model_validate(entry) for entry in repair.remaining]
        )
