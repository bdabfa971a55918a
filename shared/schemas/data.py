"""/data. The function never builds these: it serves bytes made at precompute; these say what they hold."""

from datetime import datetime
from typing import Any

from pydantic import Field

from shared.schemas.base import ResponseModel
from shared.schemas.queries import ReceiptModel


class DictionaryColumn(ResponseModel):
    """A column of few distinct values: each value once, and per row its index (null for NULL)."""

    dictionary: list[Any]
    codes: list[int | None]


class ColumnModel(ResponseModel):
    """A column's name and its BigQuery type, such as `ARRAY<STRING>`."""

    name: str
    type: str


class RefreshErrorModel(ResponseModel):
    """Why the last refresh of a query failed; the values shown are from the one before."""

    code: str
    message: str


class QueryDataModel(ResponseModel):
    """A query's result by column.

    NULL is null; NUMERIC and INT64 beyond 2^53 are strings; DATE and TIMESTAMP are ISO 8601. `as_of` is null
    when the query never succeeded.
    """

    columns: list[ColumnModel]
    rows: int
    values: list[list[Any] | DictionaryColumn] = Field(description="One entry per column.")
    truncated: bool
    as_of: datetime | None
    refresh_error: RefreshErrorModel | None


class ChartModel(ResponseModel):
    """How a query is drawn; `spec` is Vega-Lite's, or `{"type": "metric" | "table", …}`."""

    id: str
    title: str
    query: str
    description: str
    spec: dict[str, Any]


class CellModel(ResponseModel):
    """A chart's place in a row of twelve columns."""

    chart: str
    width: int


class DataResponse(ResponseModel):
    """One variant of a dashboard, ready to draw.

    `as_of` is when the oldest of its data was read, `checked_at` when it was last known to be current.
    """

    checked_at: datetime
    age_seconds: int
    stale: bool
    slug: str
    version: int
    title: str
    description: str
    time_zone: str = Field(description="IANA time zone that moments are drawn in; values stay in UTC.")
    parameters: dict[str, Any]
    as_of: datetime
    receipt: ReceiptModel = Field(description="Nothing is billed here; saved is what the queries would bill.")
    charts: list[ChartModel]
    layout: list[list[CellModel]]
    queries: dict[str, QueryDataModel]
