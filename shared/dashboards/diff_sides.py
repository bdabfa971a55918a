"""The two sides of a diff: from a saved version, and from a dashboard about to be saved."""

from decimal import Decimal

from shared.dashboards.plans.plan import CompiledDashboard, DashboardPlan
from shared.dashboards.saved.catalog import dump_definition
from shared.dashboards.saved.content import list_named_files, read_text
from shared.dashboards.saved.diff import DiffSide
from shared.database.models.dashboards import DashboardVersion


def read_saved_side(slug: str, row: DashboardVersion) -> DiffSide:
    """The side of a version as it was saved, with the cost its plan had then."""
    totals = row.plan_totals
    size, price = totals.get("bytes_per_refresh"), totals.get("usd_per_month")
    return DiffSide(
        label=f"{slug}@{row.version}",
        text=row.yaml_text,
        definition=row.definition or {},
        sql_texts=_read_sql_texts(row),
        files=row.files,
        bytes_per_refresh=size if isinstance(size, int) else None,
        usd_per_month=Decimal(price) if isinstance(price, str) else None,
    )


def make_compiled_side(one: CompiledDashboard, plan: DashboardPlan, version: int) -> DiffSide:
    """The side of a valid dashboard that is not saved yet."""
    if one.parsed.definition is None:
        raise ValueError("only a valid dashboard can be compared")
    return DiffSide(
        label=f"{plan.slug}@{version}",
        text=read_text(one.parsed.source),
        definition=dump_definition(one.parsed.definition),
        sql_texts=one.parsed.sql_texts,
        files=list_named_files(one.parsed),
        bytes_per_refresh=plan.totals.bytes_per_refresh,
        usd_per_month=plan.totals.usd_per_month,
    )


def _read_sql_texts(row: DashboardVersion) -> dict[str, str]:
    queries: dict[str, dict[str, str | None]] = (row.definition or {}).get("queries", {})
    return {name: query["sql"] or row.files.get(query["file"] or "", "") for name, query in queries.items()}
