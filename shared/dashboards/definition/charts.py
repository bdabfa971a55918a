"""The models of charts: Vega-Lite, a metric, a table."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from shared.dashboards.definition.field_types import (
    NUMBER_FORMAT_PATTERN,
    ChartId,
    ColumnName,
    DashboardPart,
    JsonObject,
    Text,
    Title,
)


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
