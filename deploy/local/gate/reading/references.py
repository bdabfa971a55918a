"""Which names in a statement are tables, and what stands behind them: tables, wildcards and views.

Binding rewrites the tree: every reference to stored data becomes a plain table `source_<n>`, and every view
the subquery it stands for, so that what follows sees base tables only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp

from deploy.local.gate.tables import Field, Table, TableName

MAX_VIEW_DEPTH = 16
_METADATA_NAMES = ("INFORMATION_SCHEMA.", "__TABLES")


class UnresolvedError(Exception):
    """A name stands for something whose columns the gate cannot know."""


@dataclass(frozen=True)
class Source:
    """One reference: a table, or the tables a wildcard matches. `written_as` is its alias or name.

    With no tables it is a metadata view (INFORMATION_SCHEMA).
    """

    key: str
    written_as: str
    tables: tuple[Table, ...]
    suffix_start: int | None = None

    @property
    def names(self) -> tuple[TableName, ...]:
        """What BigQuery lists: the table, or the wildcard as one."""
        if self.suffix_start is None or not self.tables:
            return tuple(table.name for table in self.tables)
        first = self.tables[0].name
        return (first._replace(table=f"{first.table[: self.suffix_start]}*"),)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns; of a wildcard those of its last table, as BigQuery does."""
        return self.tables[-1].stored_fields if self.tables else ()


@dataclass
class Sources:
    """What a statement refers to; `views` are the views it went through."""

    by_key: dict[str, Source] = field(default_factory=dict)
    views: list[Table] = field(default_factory=list)

    @property
    def has_wildcard(self) -> bool:
        """Whether a reference is a wildcard."""
        return any(source.suffix_start is not None for source in self.by_key.values())

    @property
    def has_metadata(self) -> bool:
        """Whether a reference is to INFORMATION_SCHEMA."""
        return any(not source.tables for source in self.by_key.values())


FindTables = Callable[[TableName], Awaitable[tuple[Table, ...]]]


class Binder:
    """Binds the tables of one statement. `find_tables` answers the table, or those a wildcard matches."""

    def __init__(self, find_tables: FindTables) -> None:
        self._find_tables = find_tables
        self.sources = Sources()

    async def bind(self, tree: exp.Expr, project: str, dataset: str | None, depth: int = 0) -> None:
        """Rewrite `tree`. Raises UnresolvedError for table functions, models and views nested too deep."""
        if depth > MAX_VIEW_DEPTH:
            raise UnresolvedError(f"views nested more than {MAX_VIEW_DEPTH} deep")
        nodes = [table for table in tree.find_all(exp.Table) if not _is_cte(table)]
        names = [_full_name(node, project, dataset) for node in nodes]
        found = await self._find_all({name for name in names if not _is_metadata(name)})
        for node, name in zip(nodes, names, strict=True):
            tables = found.get(name, ())
            if len(tables) == 1 and tables[0].view_query is not None:
                await self._expand_view(node, tables[0], depth)
            else:
                self._replace(node, name, tables)

    async def _find_all(self, names: Collection[TableName]) -> dict[TableName, tuple[Table, ...]]:
        found = await asyncio.gather(*map(self._find_tables, names))
        return dict(zip(names, found, strict=True))

    async def _expand_view(self, node: exp.Table, view: Table, depth: int) -> None:
        self.sources.views.append(view)
        query = sqlglot.parse_one(view.view_query or "", dialect="bigquery")
        if not isinstance(query, exp.Query):
            raise UnresolvedError(f"the query of view {view.name} is no SELECT")
        await self.bind(query, view.name.project, view.name.dataset, depth + 1)
        subquery = exp.Subquery(this=query, alias=_alias(node))
        for part in ("joins", "pivots", "sample"):
            subquery.set(part, node.args.get(part))
        node.replace(subquery)

    def _replace(self, node: exp.Table, name: TableName, tables: tuple[Table, ...]) -> None:
        key = f"source_{len(self.sources.by_key)}"
        written_as = _alias(node).name
        wildcard = len(name.table) - 1 if name.table.endswith("*") else None
        self.sources.by_key[key] = Source(key, written_as, tables, wildcard)
        node.set("alias", _alias(node))
        for part in ("db", "catalog", "version"):
            node.set(part, None)
        node.set("this", exp.to_identifier(key))


def _alias(node: exp.Table) -> exp.TableAlias:
    if node.args.get("alias"):
        return exp.TableAlias(this=exp.to_identifier(node.alias))
    return exp.TableAlias(this=exp.to_identifier(node.name.rstrip("*")))


def _full_name(node: exp.Table, project: str, dataset: str | None) -> TableName:
    if not isinstance(node.this, exp.Identifier):
        raise UnresolvedError(f"{node.sql('bigquery')} is not a table")
    name = TableName(node.catalog or project, node.db or dataset or "", node.name)
    if not name.dataset and not _is_metadata(name):
        raise UnresolvedError(f"table {node.name} has no dataset")
    return name


def _is_metadata(name: TableName) -> bool:
    return name.table.upper().startswith(_METADATA_NAMES) or name.dataset.upper() == "INFORMATION_SCHEMA"


def _is_cte(table: exp.Table) -> bool:
    return not table.db and table.name.lower() in set(_visible_ctes(table))


def _visible_ctes(node: exp.Expr) -> Iterator[str]:
    """Names of the CTEs `node` may refer to: those of enclosing WITHs, up to its own place in them."""
    child: exp.Expr = node
    parent = node.parent
    while parent is not None:
        if isinstance(parent, exp.With) and isinstance(child, exp.CTE):
            before = parent.expressions if parent.recursive else parent.expressions[: child.index]
            yield from (cte.alias.lower() for cte in before)
        elif child.arg_key != "with_" and (own := parent.args.get("with_")):
            yield from (cte.alias.lower() for cte in own.expressions)
        child, parent = parent, parent.parent
