"""How two versions of a dashboard differ."""

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.schemas.base import Money, ResponseModel

if TYPE_CHECKING:
    from shared.dashboards.saved.comparison import VersionDiff
    from shared.dashboards.saved.diff import DashboardDiff


class DiffQuery(BaseModel):
    """Which versions to compare: by default the current one with the one before it."""

    model_config = ConfigDict(extra="forbid")

    from_version: int | None = Field(None, alias="from", ge=1, le=999_999_999)
    to_version: int | None = Field(None, alias="to", ge=1, le=999_999_999)


class NameChangesModel(ResponseModel):
    """Names that came, went, or changed."""

    added: list[str]
    removed: list[str]
    changed: list[str]


class QueryChangesModel(NameChangesModel):
    """Queries that came, went, or changed; `reformatted` are those whose SQL means the same as before."""

    reformatted: list[str]


class DiffModel(ResponseModel):
    """The difference between two versions; `text` is a unified diff.

    `settings` are the other top-level keys whose value differs; one that is left out has its default.
    """

    queries: QueryChangesModel
    charts: NameChangesModel
    parameters: NameChangesModel
    settings: list[str]
    text: str
    bytes_per_refresh_before: int | None
    bytes_per_refresh_after: int | None
    usd_per_month_before: Money | None
    usd_per_month_after: Money | None

    @classmethod
    def from_diff(cls, diff: "DashboardDiff") -> Self:
        """The answer of the service."""
        return cls.model_validate(diff)


class VersionDiffResponse(DiffModel):
    """What changed; `from_version` 0 means that the first version is all new."""

    slug: str
    from_version: int
    to_version: int

    @classmethod
    def from_comparison(cls, comparison: "VersionDiff") -> Self:
        """The answer of the service."""
        return cls(
            slug=comparison.slug,
            from_version=comparison.from_version,
            to_version=comparison.to_version,
            **DiffModel.from_diff(comparison.diff).model_dump(),
        )
