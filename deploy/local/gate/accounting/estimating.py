"""How many bytes a query reads, table by table."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from deploy.local.gate.accounting.measuring import Measurer
from deploy.local.gate.billing import MINIMUM_PER_TABLE, Accuracy, Estimate
from deploy.local.gate.catalog import Catalog
from deploy.local.gate.errors import GateError
from deploy.local.gate.reading.conditions import partition_test, suffix_test
from deploy.local.gate.reading.parameters import Parameters, bind_parameters
from deploy.local.gate.reading.partitions import Partition, Span
from deploy.local.gate.reading.pruning import Test, Values, constants_of, eliminates, may_match
from deploy.local.gate.reading.reads import Read, find_reads, read_everything
from deploy.local.gate.reading.references import Binder, Source, Sources, UnresolvedError
from deploy.local.gate.tables import INGESTION_TIME, Partitioning, Path, Table, TableName
from deploy.local.gate.upstream import API, Upstream

# sqlglot's optimizer raises plain Python errors, too, on statements it did not foresee.
_UNRESOLVABLE = (
    SqlglotError,
    UnresolvedError,
    RecursionError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
)
_CHANGES_ROWS = (exp.Update, exp.Delete, exp.Merge)


@dataclass(frozen=True)
class Analysis:
    """A statement with its tables bound. `tree` is None unless it is a single statement that was parsed.

    `rewritten` are the tables whose rows an UPDATE, DELETE or MERGE changes.
    """

    project: str
    tree: exp.Expr | None
    sources: Sources
    reads: Sequence[Read]
    resolved: bool
    parameters: Parameters
    rewritten: frozenset[TableName] = frozenset()


class Estimator:
    """Analyses queries and adds up what they read."""

    def __init__(self, upstream: Upstream, catalog: Catalog, measurer: Measurer) -> None:
        self._upstream = upstream
        self._catalog = catalog
        self._measurer = measurer

    async def analyse(self, project: str, query: Mapping[str, Any]) -> Analysis | None:
        """What a query configuration reads; None when it is not valid, which the emulator says better."""
        try:
            default = query.get("defaultDataset") or {}
            place = (default.get("projectId") or project, default.get("datasetId"))
            sql, parameters = bind_parameters(query["query"], query.get("queryParameters") or ())
            statements = [tree for tree in await asyncio.to_thread(sqlglot.parse, sql, "bigquery") if tree]
            return await self._analyse_statements(project, statements, place, parameters)
        except _UNRESOLVABLE:
            return await self._analyse_unresolved(project, query)

    async def estimate(self, analysis: Analysis) -> Estimate:
        """The bytes, after skipping partitions.

        Raises GateError where a table may only be read with a filter that leaves partitions out, and there is none.
        """
        tests = [_Tests(read, analysis.parameters) for read in analysis.reads]
        if analysis.resolved:
            for test in tests:
                test.check_required()
        constants = [constant for test in tests for constant in test.constants()]
        values = (
            await self._measurer.values(analysis.project, constants, analysis.parameters) if constants else {}
        )
        used = {
            table for read, test in zip(analysis.reads, tests, strict=True) for table in test.tables(values)
        }
        partitions = {table: await self._measurer.partitions(table) for table in used}
        # Reads times partitions: seconds of work for a long UNION over a table of years.
        return await asyncio.to_thread(_add_up, analysis, tests, values, partitions)

    async def _analyse_statements(
        self,
        project: str,
        statements: Sequence[exp.Expr],
        place: tuple[str, str | None],
        parameters: Parameters,
    ) -> Analysis:
        queries = [query for tree in statements if (query := _reading_part(tree)) is not None]
        binder = Binder(self._catalog.find)
        reads: list[Read] = []
        resolved = True
        for tree in queries:
            await binder.bind(tree, *place)
        for tree in queries:
            found = await asyncio.to_thread(_find_reads, tree, binder.sources)
            resolved = resolved and found is not None
            reads.extend(read_everything(binder.sources) if found is None else found)
        changed = [tree for tree in statements if isinstance(tree, _CHANGES_ROWS)]
        return Analysis(
            project=project,
            tree=statements[0] if len(statements) == 1 else None,
            sources=binder.sources,
            reads=reads,
            resolved=resolved,
            parameters=parameters,
            rewritten=frozenset(name for tree in changed for name in _target_names(tree, binder.sources)),
        )

    async def _analyse_unresolved(self, project: str, query: Mapping[str, Any]) -> Analysis | None:
        """The tables the emulator itself finds in the query, all of their columns."""
        body = {"configuration": {"dryRun": True, "query": dict(query)}}
        answer = await self._upstream.send("POST", f"{API}/projects/{project}/jobs", body=body)
        if answer.status_code != HTTPStatus.OK:
            return None
        statistics = answer.json()["statistics"].get("query") or {}
        binder = Binder(self._catalog.find)
        for reference in statistics.get("referencedTables") or ():
            name = TableName.from_rest(reference)
            table = exp.table_(name.table, name.dataset, name.project)
            await binder.bind(exp.select("*").from_(table), *name[:2])
        return Analysis(
            project,
            None,
            binder.sources,
            read_everything(binder.sources),
            resolved=False,
            parameters=Parameters(),
        )


class _Tests:
    """The tests of one read: on the suffix of a wildcard, and on each table's partitioning column."""

    def __init__(self, read: Read, parameters: Parameters) -> None:
        self._read = read
        self._suffix = suffix_test(read, parameters)
        self.partition: dict[Table, Test] = {
            table: partition_test(read, table, parameters) for table in read.source.tables
        }

    def constants(self) -> Iterable[Any]:
        for test in (self._suffix, *self.partition.values()):
            yield from constants_of(test)

    def check_required(self) -> None:
        for table, test in self.partition.items():
            if table.requires_filter and table.partitioning is not None and not eliminates(test):
                raise _refuse_unfiltered(table, table.partitioning)

    def tables(self, values: Values) -> Iterable[Table]:
        source: Source = self._read.source
        for table in source.tables:
            suffix = table.name.table[source.suffix_start or 0 :]
            if source.suffix_start is None or may_match(self._suffix, Span(suffix, suffix), values):
                yield table


def _refuse_unfiltered(table: Table, partitioning: Partitioning) -> GateError:
    """In BigQuery's words, which name every pseudo column of a table by the time its rows came in."""
    is_arrival = partitioning.column == INGESTION_TIME
    names = [field.name for field in table.fields if field.name.lower() == partitioning.column]
    columns = ["_PARTITION_LOAD_TIME", "_PARTITIONDATE", "_PARTITIONTIME"] if is_arrival else names
    message = (
        f"Cannot query over table '{table.name}' without a filter over column(s) "
        f"{', '.join(repr(column) for column in columns)} that can be used for partition elimination"
    )
    return GateError(HTTPStatus.BAD_REQUEST, "invalidQuery", message)


def _find_reads(tree: exp.Expr, sources: Sources) -> list[Read] | None:
    if not isinstance(tree, exp.Query):
        return None
    try:
        return find_reads(tree.copy(), sources)
    except _UNRESOLVABLE:
        return None


def _reading_part(tree: exp.Expr) -> exp.Expr | None:
    """The part of a statement that reads tables. UPDATE, DELETE and MERGE read all columns they may touch."""
    if isinstance(tree, (exp.Query, *_CHANGES_ROWS)):
        return tree
    if isinstance(tree, exp.Insert | exp.Create) and isinstance(tree.expression, exp.Query):
        return tree.expression
    return None


def _target_names(tree: exp.Expr, sources: Sources) -> Iterable[TableName]:
    target = tree.this if isinstance(tree.this, exp.Table) else None
    source = sources.by_key.get(target.name) if target else None
    return (table.name for table in source.tables) if source else ()


def _leaf_paths(table: Table, paths: frozenset[Path] | None) -> set[Path]:
    leaves = [leaf.path for leaf in table.leaves]
    if paths is None:
        return set(leaves)
    return {leaf for leaf in leaves if any(_covers(path, leaf) for path in paths)}


def _covers(path: Path, leaf: Path) -> bool:
    shorter = min(len(path), len(leaf))
    return path[:shorter] == leaf[:shorter]


def _add_up(
    analysis: Analysis,
    tests: Sequence[_Tests],
    values: Values,
    partitions: Mapping[Table, Sequence[Partition]],
) -> Estimate:
    wanted: dict[Table, dict[Partition, set[Path]]] = defaultdict(lambda: defaultdict(set))
    for read, test in zip(analysis.reads, tests, strict=True):
        for table in test.tables(values):
            for partition in partitions[table]:
                if may_match(test.partition[table], partition.span, values):
                    wanted[table][partition] |= _leaf_paths(table, read.paths)
    return _to_estimate(analysis, wanted)


def _to_estimate(analysis: Analysis, wanted: Mapping[Table, Mapping[Partition, set[Path]]]) -> Estimate:
    counts: dict[TableName, int] = defaultdict(int)
    for table, partitions in wanted.items():
        counts[table.name] += sum(partition.bytes_of(paths) for partition, paths in partitions.items())
    tables = [table for source in analysis.sources.by_key.values() for table in source.tables]
    for name in analysis.rewritten:
        counts[name] *= 2
    for source in analysis.sources.by_key.values():
        if not source.tables:
            counts[TableName("", "INFORMATION_SCHEMA", source.written_as)] = MINIMUM_PER_TABLE
    precise = analysis.resolved and not any(table.clustered for table in tables)
    return Estimate(
        bytes_by_table=dict(counts),
        referenced=tuple(
            sorted({name for source in analysis.sources.by_key.values() for name in source.names})
        ),
        accuracy=Accuracy.PRECISE if precise else Accuracy.UPPER_BOUND,
    )
