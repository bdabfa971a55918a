"""Which columns a bound statement reads of each table, and the conditions it reads them under."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify

from deploy.local.gate.reading.arrays import ArrayUses
from deploy.local.gate.reading.reaching import ReachingConditions
from deploy.local.gate.reading.references import Source, Sources, UnresolvedError
from deploy.local.gate.tables import INGESTION_TIME, Field, Path

_PSEUDO_COLUMNS = {"_partitiontime": INGESTION_TIME, "_partitiondate": INGESTION_TIME}


@dataclass(frozen=True)
class Read:
    """One reference to a source: paths of the columns read (prefixes of leaves), and its conditions.

    `paths` is None when every column is, or may be, read. `alias` names the source in `conditions`, the AND
    of which holds for every row that matters; `optional` says an outer join may leave the source out.
    """

    source: Source
    alias: str
    paths: frozenset[Path] | None
    conditions: tuple[exp.Expr, ...] = ()
    optional: bool = False


def read_everything(sources: Sources) -> list[Read]:
    """The upper bound: every column of every source."""
    return [Read(source, source.written_as, None) for source in sources.by_key.values()]


def find_reads(tree: exp.Query, sources: Sources) -> list[Read]:
    """The reads of a query whose tables are bound. Raises UnresolvedError or an error of sqlglot in doubt."""
    schema: dict[str, object] = {key: _schema(source.fields) for key, source in sources.by_key.items()}
    tree = qualify(
        tree,
        schema=schema,
        dialect="bigquery",
        quote_identifiers=False,
        validate_qualify_columns=False,
        identify=False,
    )
    if any(column.args.get("db") for column in tree.find_all(exp.Column)):
        raise UnresolvedError("a column is named with more parts than could be told apart")
    return list(_Finder(pushdown_projections(tree), sources).find())


class _Finder:
    """Collects the reads of a qualified tree."""

    def __init__(self, tree: exp.Expr, sources: Sources) -> None:
        self._tree = tree
        self._sources = sources
        self._names = _names_by_select(tree)
        self._by_source: dict[tuple[int, str], list[exp.Column]] = defaultdict(list)
        self._by_name: dict[str, list[exp.Column]] = defaultdict(list)
        for column in tree.find_all(exp.Column):
            if column.table:
                self._by_source[self._place(column)].append(column)
            if not _is_output_name(column):
                self._by_name[column.table].append(column)
        self._rows = {node.name.lower() for node in (*tree.find_all(exp.TableColumn), *self._by_name[""])}
        self._arrays = ArrayUses(self._by_name)
        self._reaching = ReachingConditions(tree)

    def find(self) -> Iterator[Read]:
        for node in self._tree.find_all(exp.Table):
            source = self._sources.by_key.get(node.name)
            if source is not None:
                paths = self._paths(node, source)
                for use in self._reaching.find(node):
                    yield Read(source, node.alias, paths, use.conditions, use.optional)

    def _place(self, column: exp.Column) -> tuple[int, str]:
        """The SELECT whose source a column belongs to: the nearest around it that has one of this name."""
        select = column.find_ancestor(exp.Select)
        while select is not None and column.table not in self._names[id(select)]:
            select = select.find_ancestor(exp.Select)
        if select is None:
            raise UnresolvedError(f"nothing is called {column.table}")
        return id(select), column.table

    def _paths(self, node: exp.Table, source: Source) -> frozenset[Path] | None:
        if node.args.get("pivots") or not source.tables or source.written_as.lower() in self._rows:
            return None
        fields = {field.name.lower(): field for field in source.fields}
        place = (id(node.find_ancestor(exp.Select)), node.alias)
        paths: set[Path] = set()
        for column in self._by_source[place] + self._by_name[""]:
            name = _PSEUDO_COLUMNS.get(column.name.lower(), column.name.lower())
            if name in fields:
                paths.update(self._arrays.paths(column, fields[name]))
        return frozenset(paths)


def _names_by_select(tree: exp.Expr) -> dict[int, set[str]]:
    """What the sources of each SELECT are called."""
    names: dict[int, set[str]] = defaultdict(set)
    for node in tree.find_all(exp.Table, exp.Subquery, exp.Unnest):
        pivots = node.args.get("pivots") or ()
        names[id(node.find_ancestor(exp.Select))] |= {node.alias_or_name, *(pivot.alias for pivot in pivots)}
    return names


def _is_output_name(column: exp.Column) -> bool:
    """Whether a column without a table means an output of its SELECT, as in ORDER BY."""
    query = column.find_ancestor(exp.Query)
    return (
        query is not None
        and column.name in query.named_selects
        and column.find_ancestor(exp.Order) is not None
    )


def _schema(fields: Sequence[Field]) -> dict[str, str]:
    return {field.name: _type(field) for field in fields if field.name != INGESTION_TIME}


def _type(field: Field) -> str:
    """The type, with STRING for all scalars: only the nesting matters to find out which column is meant."""
    name = "STRING"
    if field.fields:
        name = f"STRUCT<{', '.join(f'`{child.name}` {_type(child)}' for child in field.fields)}>"
    return f"ARRAY<{name}>" if field.repeated else name
