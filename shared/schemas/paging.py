"""Query strings of lists."""

from pydantic import BaseModel, ConfigDict, Field


class PageQuery(BaseModel):
    """Which page; pages count from 1."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(1, ge=1, le=1_000_000)
    page_size: int = Field(50, ge=1, le=500)


class DashboardListQuery(PageQuery):
    """Which dashboards: `q` is looked for in slug, title and description."""

    q: str | None = Field(None, max_length=200)
    tag: str | None = Field(None, max_length=63)
    owner: str | None = Field(None, max_length=254)
