"""Google's own analyser of GoogleSQL (PyPI `zetasql`, WebAssembly): the truth about names, types and column edges.

The analyser itself is that of the local stack; what stands here follows a query's columns to where they come from.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from deploy.local.analyser.errors import RefusedError
from deploy.local.analyser.module import compile_module
from deploy.local.analyser.type_text import read_type, show_type
from deploy.local.parts import analyser_dir


@dataclass(frozen=True)
class Analysis:
    """What a query returns: names and types in order, and the `table#column`s each is made of."""

    columns: tuple[tuple[str, str], ...]
    sources: tuple[frozenset[str], ...]
    tables: frozenset[str]


class GoogleAnalyser:
    """Analyses queries over the tables it is given: column types by column, by `dataset.table`.

    `parameters` are types by name; a parameter that is not among them may have any.
    """

    def __init__(
        self, tables: Mapping[str, Mapping[str, str]], parameters: Mapping[str, str] | None = None
    ) -> None:
        self._client = _load_client()
        self._catalog = _register_tables(self._client, tables)
        self._parameters = parameters or {}

    def analyse(self, sql: str) -> Analysis:
        """Names, types and edges of a query. Raises RefusedError when it is none that BigQuery would read."""
        request = self._client.make_request(sql)
        request.registered_catalog_id = self._catalog
        request.options.allow_undeclared_parameters = True
        for name, type_ in self._parameters.items():
            read_type(type_, request.options.query_parameters.add(name=name).type)
        query = self._client.analyse(request).resolved_query_stmt_node
        if not query.HasField("query"):
            raise RefusedError("this is no query")
        tracer = _Tracer(query)
        columns = tuple(
            (_show_name(column.name, index), show_type(column.column.type))
            for index, column in _number(query.output_column_list)
        )
        sources = tuple(tracer.find(column.column.column_id) for column in query.output_column_list)
        return Analysis(columns, sources, frozenset(tracer.tables))


def _number(columns: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Each column with how many before it have no name, by which BigQuery calls it."""
    anonymous = 0
    for column in columns:
        yield anonymous, column
        anonymous += column.name.startswith("$")


def _show_name(name: str, anonymous: int) -> str:
    return f"f{anonymous}_" if name.startswith("$") else name


class _Tracer:
    """Follows columns of a resolved query, by their ids, to columns of tables."""

    def __init__(self, query: Any) -> None:
        self._made_of: dict[int, set[int]] = {}
        self._stored: dict[int, str] = {}
        self._with: dict[str, list[int]] = {}
        self._recursive: list[list[int]] = []
        self.tables: set[str] = set()
        self._read_scan(query.query)

    def find(self, column_id: int) -> frozenset[str]:
        """The stored columns that a column is made of."""
        seen: set[int] = set()
        todo = [column_id]
        while todo:
            current = todo.pop()
            if current not in seen:
                seen.add(current)
                todo.extend(self._made_of.get(current, ()))
        return frozenset(self._stored[one] for one in seen if one in self._stored)

    def _link(self, column_id: int, sources: Iterable[int]) -> None:
        self._made_of.setdefault(column_id, set()).update(sources)

    def _read_scan(self, any_scan: Any) -> list[int]:
        """Record what a scan makes; the ids of the columns it hands on."""
        scan = _unwrap(any_scan)
        name = scan.DESCRIPTOR.name.removeprefix("Resolved").removesuffix("ScanProto")
        reader = getattr(self, f"_read_{name}", self._read_any)
        reader(scan)
        base = scan.parent
        while not hasattr(base, "column_list"):
            base = base.parent
        return [column.column_id for column in base.column_list]

    def _read_any(self, scan: Any) -> None:
        self._read_fields(scan)

    def _read_fields(self, message: Any) -> None:
        """Every scan and computed column within a message."""
        for field, value in message.ListFields():
            if field.name == "parent":
                if field.message_type.name != "ResolvedScanProto":
                    self._read_fields(value)
                continue
            if field.message_type is None or field.message_type.name == "ResolvedColumnProto":
                continue
            for item in value if field.is_repeated else (value,):
                kind = item.DESCRIPTOR.name
                if kind == "AnyResolvedScanProto":
                    self._read_scan(item)
                elif kind in ("ResolvedComputedColumnProto", "ResolvedDeferredComputedColumnProto"):
                    self._link(item.column.column_id, self._read_expr(item.expr))
                elif kind.startswith(("Resolved", "AnyResolved")):
                    if kind.startswith("AnyResolvedExpr"):
                        self._read_expr(item)
                    else:
                        self._read_fields(item)

    def _read_expr(self, message: Any) -> set[int]:
        """The ids of the columns an expression computes its value from."""
        found: set[int] = set()
        kind = message.DESCRIPTOR.name
        if kind == "ResolvedColumnRefProto":
            return {message.column.column_id}
        if kind == "ResolvedSubqueryExprProto":
            return set(self._read_scan(message.subquery)) | self._read_expr(message.in_expr)
        for field, value in message.ListFields():
            if field.message_type is None or field.name == "type":
                continue
            for item in value if field.is_repeated else (value,):
                inner = item.DESCRIPTOR.name
                if inner == "ResolvedComputedColumnProto":  # of WITH(…), and of aggregates within aggregates
                    sources = self._read_expr(item.expr)
                    self._link(item.column.column_id, sources)
                    found |= sources
                elif inner.startswith(("Resolved", "AnyResolved")) and inner != "ResolvedColumnProto":
                    found |= self._read_expr(item)
        return found

    def _read_Table(self, scan: Any) -> None:  # noqa: N802 - named for the scan
        table = scan.table.name.rpartition(".")[2]
        self.tables.add(table)
        for column in scan.parent.column_list:
            self._stored[column.column_id] = f"{table}#{column.name}"

    def _read_Array(self, scan: Any) -> None:  # noqa: N802
        if scan.HasField("input_scan"):
            self._read_scan(scan.input_scan)
        for expr, column in zip(scan.array_expr_list, scan.element_column_list, strict=True):
            self._link(column.column_id, self._read_expr(expr))
        if scan.HasField("join_expr"):
            self._read_expr(scan.join_expr)

    def _read_SetOperation(self, scan: Any) -> None:  # noqa: N802
        outputs = [column.column_id for column in scan.parent.column_list]
        for item in scan.input_item_list:
            self._read_scan(item.scan)
            for output, column in zip(outputs, item.output_column_list, strict=True):
                self._link(output, [column.column_id])

    def _read_Recursive(self, scan: Any) -> None:  # noqa: N802
        outputs = [column.column_id for column in scan.parent.column_list]
        self._recursive.append(outputs)
        for item in (scan.non_recursive_term, scan.recursive_term):
            self._read_scan(item.scan)
            for output, column in zip(outputs, item.output_column_list, strict=True):
                self._link(output, [column.column_id])
        self._recursive.pop()

    def _read_RecursiveRef(self, scan: Any) -> None:  # noqa: N802
        for column, source in zip(scan.parent.column_list, self._recursive[-1], strict=False):
            self._link(column.column_id, [source])

    def _read_With(self, scan: Any) -> None:  # noqa: N802
        for entry in scan.with_entry_list:
            self._with[entry.with_query_name] = self._read_scan(entry.with_subquery)
        self._read_scan(scan.query)

    def _read_WithRef(self, scan: Any) -> None:  # noqa: N802
        for column, source in zip(scan.parent.column_list, self._with[scan.with_query_name], strict=True):
            self._link(column.column_id, [source])

    def _read_Analytic(self, scan: Any) -> None:  # noqa: N802
        self._read_scan(scan.input_scan)
        for group in scan.function_group_list:
            window = self._read_expr(group.partition_by) | self._read_expr(group.order_by)
            for function in group.analytic_function_list:
                column = _unwrap(function)
                self._link(column.column.column_id, window | self._read_expr(column.expr))

    def _read_Pivot(self, scan: Any) -> None:  # noqa: N802
        self._read_scan(scan.input_scan)
        for column in scan.group_by_list:
            self._link(column.column.column_id, self._read_expr(column.expr))
        made_of = [self._read_expr(expr) for expr in scan.pivot_expr_list]
        for column in scan.pivot_column_list:
            self._link(column.column.column_id, made_of[column.pivot_expr_index])

    def _read_Unpivot(self, scan: Any) -> None:  # noqa: N802
        self._read_scan(scan.input_scan)
        for column in scan.projected_input_column_list:
            self._link(column.column.column_id, self._read_expr(column.expr))
        for argument in scan.unpivot_arg_list:
            for target, source in zip(scan.value_column_list, argument.column_list, strict=True):
                self._link(target.column_id, [source.column.column_id])


def _unwrap(message: Any) -> Any:
    """The node that a chain of `Any…Proto` messages stands for."""
    while message.DESCRIPTOR.name.startswith("Any"):
        message = getattr(message, message.WhichOneof("node"))
    return message


@cache
def _load_client() -> Any:
    """One instance of the module a process, as it takes 126 MB."""
    from deploy.local.analyser.client import AnalyserClient

    compile_module(analyser_dir())
    return AnalyserClient(analyser_dir())


def _register_tables(client: Any, tables: Mapping[str, Mapping[str, str]]) -> int:
    catalog = client.make_catalog()
    for number, (name, columns) in enumerate(tables.items(), 1):
        dataset, table = name.split(".", 1)
        # In backticks the analyser sees one name where BigQuery sees a path.
        for place, known_as in (
            (catalog, table),
            (catalog, name),
            (_find_dataset(catalog, dataset), table),
        ):
            added = place.table.add(name=known_as, serialization_id=number, full_name=name)
            for column, type_ in columns.items():
                read_type(type_, added.column.add(name=column).type)
    return int(client.register(catalog))


def _find_dataset(catalog: Any, name: str) -> Any:
    known = next((one for one in catalog.catalog if one.name == name), None)
    return known if known is not None else catalog.catalog.add(name=name)
