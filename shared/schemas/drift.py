"""Where the files in the blob store differ from the saved versions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from shared.schemas.base import ResponseModel

if TYPE_CHECKING:
    from shared.saving.drift import DriftEntry, Repair


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
    def from_entries(cls, entries: "Sequence[DriftEntry]") -> Self:
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
    def from_repair(cls, repair: "Repair") -> Self:
        """The answer of the service."""
        written = [WrittenVersionModel(slug=slug, version=version) for slug, version in repair.written]
        return cls(
            written=written, remaining=[DriftModel.model_validate(entry) for entry in repair.remaining]
        )
