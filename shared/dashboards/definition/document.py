"""The models of one dashboard file: what an author may write, and what the rest of the service reads.

YAML key and attribute differ only where the unit belongs in the name: `max_age` (written `24h`) is
`max_age_seconds`, `per_query` (written `1 GB`) is `per_query_bytes`.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from shared.dashboards.definition.field_types import (
    DATASET_PATTERN,
    NUMBER_FORMAT_PATTERN,
    SLUG_PATTERN,
    TAG_PATTERN,
    ChartId,
    ColumnName,
    DashboardPart,
    DurationSeconds,
    JsonObject,
    Name,
    ParameterDefinition,
    SizeBytes,
    Text,
    Title,
)
from shared.dashboards.definition.parameter_values import ParameterValue


class _Chart(DashboardPart):
    id: ChartId = Field(
        description="Names the chart in the layout and in lineage.", examples=["delay_by_day"]
    )
    title: Title = Field(description="Heading above the chart.")
    query: str = Field(description="Name of the query the chart draws.", examples=["daily"])
    description: Text = Field("", description="Text under the heading, also read by screen readers.")


class VegaChart(_Chart):
    """A chart drawn by Vega-Lite: `mark`, `encoding`, `transform` and `params` go to it unchanged."""

    type: Literal["vega"] = Field("vega", description="May be left out.")
    mark: str | JsonObject = Field(
        description="Vega-Lite mark: https://vega.github.io/vega-lite/docs/mark.html",
        examples=["line", "bar", {"type": "line", "point": True}],
    )
    encoding: dict[str, Any] = Field(
        description="Vega-Lite encoding channels: https://vega.github.io/vega-lite/docs/encoding.html",
        examples=[
            {"x": {"field": "day", "type": "temporal"}, "y": {"field": "delay", "type": "quantitative"}}
        ],
    )
    transform: list[JsonObject] = Field(
        default_factory=list,
        description="Vega-Lite transforms: https://vega.github.io/vega-lite/docs/transform.html",
    )
    params: list[JsonObject] = Field(
        default_factory=list,
        description="Vega-Lite parameters: https://vega.github.io/vega-lite/docs/parameter.html",
    )
    height: int | None = Field(None, ge=40, le=2_000, description="Height in pixels.")


class MetricChart(_Chart):
    """One number: the value of a column in the first row."""

    type: Literal["metric"]
    value: ColumnName = Field(description="Column that holds the number.", examples=["flights"])
    format: str = Field(
        "",
        max_length=40,
        description="d3-format of the number.",
        examples=[",d", ".1%", "$,.2f"],
        # Not a rule of the model: a version saved with another one is still read.
        json_schema_extra={"pattern": NUMBER_FORMAT_PATTERN},
    )


class TableChart(_Chart):
    """The rows of a query as a table."""

    type: Literal["table"]


def chart_kind(chart: object) -> object:
    """The `type` a chart declares; `vega` when it declares none."""
    return chart.get("type", "vega") if isinstance(chart, dict) else getattr(chart, "type", "vega")


CHART_MODELS: dict[str, type[_Chart]] = {"vega": VegaChart, "metric": MetricChart, "table": TableChart}
Chart = Annotated[
    Annotated[VegaChart, Tag("vega")]
    | Annotated[MetricChart, Tag("metric")]
    | Annotated[TableChart, Tag("table")],
    Discriminator(chart_kind),
]


__all__ = [
    "Budget",
    "Chart",
    "DashboardDefinition",
    "LayoutCell",
    "MetricChart",
    "ParameterDefinition",
    "QueryDefinition",
    "RefreshPolicy",
    "TableChart",
    "VegaChart",
    "chart_kind",
]

FORMAT_VERSION = 1
LAYOUT_COLUMNS = 12
DEFAULT_MAX_ROWS = 5_000
RESERVED_SLUGS = frozenset(
    {"all", "api", "auth", "compile", "costs", "data", "diff", "docs", "drift", "healthz", "history",
     "lineage", "new", "plan", "precompute", "prompts", "read", "rollback", "run", "save", "schema", "sql",
     "validate", "version", "versions", "view"}
)  # fmt: skip


class RefreshPolicy(DashboardPart):
    """When the dashboard is computed again and how old an answer may be."""

    schedule: str | None = Field(
        None,
        description="Cron expression of five fields. Without it the dashboard is refreshed on request, and "
        "after somebody read it older than max_age.",
        examples=["0 6 * * *", "*/30 8-18 * * 1-5"],
    )
    time_zone: str = Field(
        "UTC",
        description="IANA time zone the schedule is read in.",
        examples=["America/New_York", "Europe/Berlin"],
    )
    max_age_seconds: DurationSeconds = Field(
        86_400,
        alias="max_age",
        description="Age from which an answer counts as stale, and queries whose sources cannot be watched "
        "are run again. Default 24h.",
    )
    max_stale_seconds: DurationSeconds = Field(
        7 * 86_400,
        alias="max_stale",
        description="Age beyond which an answer is not served at all. At least max_age. Default 7d.",
    )


class Budget(DashboardPart):
    """Upper bounds on billed bytes; the environment's own bounds hold as well."""

    per_query_bytes: SizeBytes | None = Field(
        None, alias="per_query", description="Most bytes one query may bill (maximum_bytes_billed)."
    )
    per_refresh_bytes: SizeBytes | None = Field(
        None, alias="per_refresh", description="Most bytes one refresh of this dashboard may bill."
    )
    per_day_bytes: SizeBytes | None = Field(
        None, alias="per_day", description="Most bytes this dashboard may bill in one day."
    )


class QueryDefinition(DashboardPart):
    """One BigQuery SELECT, written here or in a file beside the dashboard."""

    sql: str | None = Field(
        None,
        min_length=1,
        description="The SELECT, in BigQuery's SQL; parameters as @name. Best written as a block scalar (|).",
        examples=["SELECT carrier, COUNT(*) AS flights FROM flights WHERE origin = @origin GROUP BY carrier"],
    )
    file: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="Instead of sql: path of a .sql file, relative to the folder of this file.",
        examples=["sql/daily.sql"],
    )
    max_rows: int = Field(
        DEFAULT_MAX_ROWS,
        ge=1,
        le=1_000_000,
        description="Most rows kept; further rows are cut off.",
    )
    description: Text = Field("", description="What the query answers.")

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if (self.sql is None) == (self.file is None):
            raise ValueError("a query needs either sql or file")
        return self


class LayoutCell(DashboardPart):
    """One chart in a row of the page."""

    chart: str = Field(description="Id of the chart.", examples=["delay_by_day"])
    width: int | None = Field(
        None,
        ge=1,
        le=LAYOUT_COLUMNS,
        description="Columns of the twelve a row has. Cells without a width share what is left.",
    )


class DashboardDefinition(DashboardPart):
    """One dashboard file."""

    version: Literal[1] = Field(description="Version of this format.")
    slug: str = Field(
        pattern=SLUG_PATTERN,
        description="Names the dashboard in URLs; the file is called <slug>.yaml.",
        examples=["nyc-flights"],
    )
    title: Title = Field(description="Heading of the page.", examples=["New York flights, 2013"])
    description: Text = Field("", description="What the dashboard answers, and for whom.")
    owner: str | None = Field(None, max_length=254, description="Who to ask.", examples=["data@example.com"])
    tags: list[Annotated[str, Field(pattern=TAG_PATTERN)]] = Field(
        default_factory=list,
        max_length=20,
        description="Lower-case words to find it by.",
        examples=[["sample"]],
    )
    dataset: str | None = Field(
        None,
        pattern=DATASET_PATTERN,
        description="Dataset in which tables without one are looked up, in the environment's project.",
        examples=["nyc"],
    )
    time_zone: str | None = Field(
        None,
        description="IANA time zone that moments are shown in: axes, tables, tiles, tooltips, CSV. Where it is "
        "written, jobs run in it too: CURRENT_DATE(), DATE(ts). Default: that of refresh, and jobs run in UTC.",
        examples=["America/New_York", "Europe/Berlin"],
    )
    refresh: RefreshPolicy = Field(
        default_factory=RefreshPolicy,
        description="When it is computed again. Default: on request and when read stale; max_age 24h, max_stale 7d.",
    )
    budget: Budget = Field(
        default_factory=Budget, description="Upper bounds on billed bytes. Default: those of the environment."
    )
    parameters: list[ParameterDefinition] = Field(
        default_factory=list, max_length=20, description="Values viewers choose."
    )
    queries: dict[Name, QueryDefinition] = Field(
        min_length=1, max_length=200, description="The SELECTs, by name. Several charts may read one query."
    )
    charts: list[Chart] = Field(min_length=1, max_length=200, description="How the queries are drawn.")
    layout: list[Annotated[list[LayoutCell], Field(min_length=1)]] = Field(
        default_factory=list,
        max_length=200,
        description="Rows of charts, twelve columns wide. Default: every chart in a row of its own.",
        examples=[
            [[{"chart": "flights", "width": 3}, {"chart": "delay_by_day", "width": 9}], [{"chart": "worst"}]]
        ],
    )

    def resolve_layout(self) -> list[list[tuple[str, int]]]:
        """The rows of the page as (chart id, width in columns), every width filled in."""
        if not self.layout:
            return [[(chart.id, LAYOUT_COLUMNS)] for chart in self.charts]
        return [_fill_widths(row) for row in self.layout]

    @property
    def drawn_time_zone(self) -> str:
        """The zone that moments are shown in."""
        return self.time_zone or self.refresh.time_zone

    def parameter_types(self) -> dict[str, str]:
        """The BigQuery type of every parameter, by name."""
        return {parameter.name: parameter.type for parameter in self.parameters}

    def default_parameters(self) -> dict[str, ParameterValue]:
        """The canonical default of every parameter, by name."""
        return {parameter.name: parameter.default_value for parameter in self.parameters}


def _fill_widths(row: list[LayoutCell]) -> list[tuple[str, int]]:
    free = LAYOUT_COLUMNS - sum(cell.width or 0 for cell in row)
    open_cells = sum(cell.width is None for cell in row)
    widths = []
    for cell in row:
        width = cell.width
        if width is None:
            width = max(1, free // open_cells)
            free, open_cells = free - width, open_cells - 1
        widths.append((cell.chart, width))
    return widths
