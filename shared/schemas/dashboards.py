"""Dashboard files as they are sent, and what validation finds in them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from pydantic import Field

from shared.dashboards.validators.parsed import DashboardSource
from shared.schemas.base import RequestModel, ResponseModel

if TYPE_CHECKING:
    from shared.dashboards.validation import ValidationResult


class DashboardItem(RequestModel):
    """One dashboard file; `files` holds the SQL files it names, by the path written after `file:`."""

    path: str = Field("-", min_length=1, max_length=1000, examples=["dashboards/nyc-flights.yaml"])
    yaml: str = Field(description="The text of the file.")
    files: dict[str, str] = Field(default_factory=dict, examples=[{"sql/daily.sql": "SELECT 1 AS one"}])

    def to_source(self) -> DashboardSource:
        """What the services read."""
        # SQL reads a byte order mark as a name; that of the YAML is dropped where it is read.
        files = {name: text.removeprefix("\ufeff") for name, text in self.files.items()}
        return DashboardSource(self.path, self.yaml, files)


class ValidateRequest(RequestModel):
    """Dashboards to validate."""

    dashboards: list[DashboardItem] = Field(min_length=1, max_length=1000)


class EditModel(ResponseModel):
    """A mechanical fix: replace the stretch by `new_text`."""

    line: int
    column: int
    end_line: int
    end_column: int
    new_text: str


class DiagnosticModel(ResponseModel):
    """One finding; lines and columns count from 1, the end column is one past the last character."""

    code: str
    severity: str
    message: str
    remediation: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    pointer: str
    received: str | None
    allowed: list[str]
    suggestion: str | None
    edit: EditModel | None


class ValidationItem(ResponseModel):
    """The verdict on one file."""

    path: str
    slug: str | None
    valid: bool
    diagnostics: list[DiagnosticModel]


class ValidateResponse(ResponseModel):
    """Verdicts in input order."""

    results: list[ValidationItem]

    @classmethod
    def from_results(cls, results: "Sequence[ValidationResult]") -> Self:
        """The answer of the service."""
        return cls(results=[ValidationItem.model_validate(result) for result in results])
