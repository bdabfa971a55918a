"""Statements about what tables and columns feed, over the current versions of all live dashboards.

Each is written so that it costs what the answer holds and not what all versions of all dashboards do: from a source
to other sources by an index of those edges alone, from a dashboard to its edges by their key.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    String,
    Text,
    and_,
    any_,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from shared.database.models.dashboards import Dashboard
from shared.database.models.lineage import UNTRACED, EdgeOrigin, LineageEdge, LineageNode

_IS_CURRENT = and_(
    Dashboard.id == LineageEdge.dashboard_id,
    Dashboard.current_version == LineageEdge.version,
    Dashboard.deleted_at.is_(None),
)


def among(column: SQLColumnExpression[str], values: Collection[str]) -> ColumnElement[bool]:
    """True where the column has one of the values, which are one parameter however many they are."""
    return column == any_(literal(sorted(values), ARRAY(Text)))


def select_fed_sources(starts: Collection[str], edge_types: Collection[str] | None) -> Select[str]:
    """The ids `starts`, and of every table, view, wildcard and column of one that they feed by edges of these types."""
    seed = select(func.unnest(literal(sorted(starts), ARRAY(Text)), type_=String).label("id"))
    reached = seed.cte("reached", recursive=True)
    step = (
        select(LineageEdge.target)
        .join(reached, LineageEdge.source == reached.c.id)
        .join(Dashboard, _IS_CURRENT)
        # As the index says it: a parameter would not be seen to be the same.
        .where(LineageEdge.target.like(literal_column("'bq:%'")))
    )
    if edge_types is not None:
        step = step.where(among(LineageEdge.type, edge_types))
    reached = reached.union(step)  # UNION, not UNION ALL: cycles end
    return select(reached.c.id)


def select_readers(sources: Collection[str], dashboards: Collection[UUID] = ()) -> Select[UUID]:
    """The id of each live dashboard that reads one of `sources`, or is one of `dashboards`."""
    reads = (
        select(LineageEdge.id)
        .where(
            LineageEdge.dashboard_id == Dashboard.id,
            LineageEdge.version == Dashboard.current_version,
            among(LineageEdge.source, sources),
            # Who reads a view through none of these columns has the view's own edges, too.
            LineageEdge.target.not_like(literal_column("'bq:%'")),
        )
        .exists()
    )
    is_named = Dashboard.id == any_(literal(list(dashboards), ARRAY(Dashboard.id.type)))
    return select(Dashboard.id).where(
        Dashboard.deleted_at.is_(None), or_(reads, is_named) if dashboards else reads
    )


def select_opaque_readers(tables: Collection[str]) -> Select[UUID, str]:
    """Dashboard and id of each query or view that reads one of `tables` by columns that nobody knows.

    Either the parser could not trace all of its columns, or only a dry run or a job says that it reads the table:
    through a view whose definition was not at hand.
    """
    reads = (
        select(LineageEdge.dashboard_id, LineageEdge.target, LineageEdge.origin)
        .join(Dashboard, _IS_CURRENT)
        .where(LineageEdge.type == "reads", among(LineageEdge.source, tables))
        .cte("reads")
    )
    parsed = select(reads.c.target).where(reads.c.origin == EdgeOrigin.PARSER)
    is_current = (
        select(LineageEdge.id).join(Dashboard, _IS_CURRENT).where(LineageEdge.target == LineageNode.id)
    )
    # A column's id is its query's or view's id, `#` and its name.
    untraced = select(func.split_part(LineageNode.id, "#", 1)).where(UNTRACED, is_current.exists())
    return (
        select(reads.c.dashboard_id, reads.c.target)
        .where(or_(reads.c.target.not_in(parsed), reads.c.target.in_(untraced)))
        .distinct()
    )
