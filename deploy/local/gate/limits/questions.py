"""One query as the analyser is asked about it: its text, the tables it names, its parameters."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import Token, TokenType
from sqlglot.errors import SqlglotError

from deploy.local.analyser.type_text import read_type
from deploy.local.gate.reading.references import UnresolvedError
from deploy.local.gate.tables import INGESTION_TIME, Field, Table, TableName

if TYPE_CHECKING:
    from deploy.local.analyser.client import AnalyserClient

Written = tuple[str, ...]
"""A table's name by its parts, as the query has it."""
_STARTS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.FROM})
_PATH = re.compile(r"[A-Za-z_][\w-]*(\.[A-Za-z_]\w*)*")


def read_single_query(sql: str) -> str | None:
    """The text to ask about, of the same length and lines; None for scripts and for what is no query."""
    try:
        tokens = sqlglot.tokenize(sql, read="bigquery")
    except SqlglotError:
        return None
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    first = next((token for token in tokens if token.token_type is not TokenType.L_PAREN), None)
    if first is None or first.token_type not in _STARTS:
        return None
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        return None
    return _split_quoted_paths(sql[: tokens[-1].end + 1], tokens)


def resolve(name: Written, project: str, dataset: str | None) -> TableName:
    """The table a written name stands for. Raises UnresolvedError for metadata, and without a dataset."""
    parts = ".".join(name).split(".")
    full = [project, *([dataset] if dataset and len(parts) == 1 else []), *parts][-3:]
    if len(full) != len(TableName._fields) or len(parts) > len(full) or "INFORMATION_SCHEMA" in full:
        raise UnresolvedError(f"{'.'.join(name)} is no table of a dataset")
    return TableName(*full)


def analyse(
    client: "AnalyserClient",
    sql: str,
    tables: Mapping[Written, Sequence[Table]],
    parameters: Sequence[Mapping[str, Any]],
) -> None:
    """Have the query analysed. Raises RefusedError, and ValueError for types that the analyser does not know."""
    catalog = client.make_catalog()
    for number, (name, found) in enumerate(tables.items(), 1):
        added = _place(catalog, name[:-1]).table.add(name=name[-1], serialization_id=number)
        for field in found[-1].fields:
            read_type(show_type(field), added.column.add(name=field.name).type)
        for pseudo, type_ in _pseudo_columns(name, found[-1]):
            read_type(type_, added.column.add(name=pseudo, is_pseudo_column=True).type)
    request = client.make_request(sql)
    request.simple_catalog.CopyFrom(catalog)
    _bind(request.options, parameters)
    client.analyse(request)


def _split_quoted_paths(sql: str, tokens: Iterable[Token]) -> str:
    """`a.b.c` as a.b.`c`, which is as long: the analyser sees one name in backticks where BigQuery sees a path."""
    for token in tokens:
        path, _, table = token.text.rpartition(".")
        is_quoted = token.token_type is TokenType.IDENTIFIER and sql[token.start] == "`"
        if is_quoted and _PATH.fullmatch(path) and not _is_keyword(path):
            sql = f"{sql[: token.start]}{path}.`{table}`{sql[token.end + 1 :]}"
    return sql


def _is_keyword(path: str) -> bool:
    return sqlglot.tokenize(path, read="bigquery")[0].token_type is not TokenType.VAR


def _place(catalog: Any, path: Written) -> Any:
    for part in path:
        known = next((one for one in catalog.catalog if one.name == part), None)
        catalog = known if known is not None else catalog.catalog.add(name=part)
    return catalog


def _pseudo_columns(name: Written, table: Table) -> Iterator[tuple[str, str]]:
    if table.partitioning is not None and table.partitioning.column == INGESTION_TIME:
        yield from (("_PARTITIONTIME", "TIMESTAMP"), ("_PARTITIONDATE", "DATE"))
    if name[-1].endswith("*"):
        yield "_TABLE_SUFFIX", "STRING"


def show_type(field: Field) -> str:
    """A field's type as SQL writes it."""
    inner = ", ".join(f"{one.name} {show_type(one)}" for one in field.fields)
    text = f"{field.type}<{inner}>" if field.fields else field.type
    return f"ARRAY<{text}>" if field.repeated else text


def _bind(options: Any, parameters: Sequence[Mapping[str, Any]]) -> None:
    for parameter in parameters:
        type_ = _show_parameter(parameter["parameterType"])
        if parameter.get("name"):
            read_type(type_, options.query_parameters.add(name=parameter["name"]).type)
        else:
            read_type(type_, options.positional_query_parameters.add())
    if options.positional_query_parameters:
        options.parameter_mode = (
            options.DESCRIPTOR.fields_by_name["parameter_mode"]
            .enum_type.values_by_name["PARAMETER_POSITIONAL"]
            .number
        )


def _show_parameter(type_: Mapping[str, Any]) -> str:
    if inner := type_.get("arrayType"):
        return f"ARRAY<{_show_parameter(inner)}>"
    if fields := type_.get("structTypes"):
        inside = (f"{field.get('name', '')} {_show_parameter(field['type'])}" for field in fields)
        return f"STRUCT<{', '.join(inside)}>"
    return str(type_["type"])
