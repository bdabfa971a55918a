"""BigQuery's types as text, and as the analyser's messages."""

from collections.abc import Iterator
from typing import Any


def read_type(text: str, into: Any) -> None:
    """Write the type that `text` names (`ARRAY<STRUCT<a INT64>>`) into a TypeProto."""
    from zetasql.wasi._pb2.zetasql.public import type_pb2

    kinds = type_pb2.TypeKind
    outer, inner = _split(text)
    into.type_kind = kinds.Value(f"TYPE_{'DOUBLE' if outer == 'FLOAT64' else outer}")
    if outer == "ARRAY":
        read_type(inner, into.array_type.element_type)
    elif outer == "RANGE":
        read_type(inner, into.range_type.element_type)
    elif outer == "STRUCT":
        for field in _split_fields(inner):
            name, _, type_ = field.strip().partition(" ")
            added = into.struct_type.field.add(field_name=name)
            read_type(type_, added.field_type)


def show_type(message: Any) -> str:
    """The text of a TypeProto, as BigQuery writes it."""
    from zetasql.wasi._pb2.zetasql.public import type_pb2

    name = str(type_pb2.TypeKind.Name(message.type_kind)).removeprefix("TYPE_")
    if name == "ARRAY":
        return f"ARRAY<{show_type(message.array_type.element_type)}>"
    if name == "RANGE":
        return f"RANGE<{show_type(message.range_type.element_type)}>"
    if name == "STRUCT":
        fields = (
            f"{field.field_name} {show_type(field.field_type)}".strip() for field in message.struct_type.field
        )
        return f"STRUCT<{', '.join(fields)}>"
    return {"DOUBLE": "FLOAT64"}.get(name, name)


def _split(text: str) -> tuple[str, str]:
    outer, bracket, rest = text.strip().partition("<")
    return outer.strip().upper(), rest.rstrip()[:-1] if bracket else ""


def _split_fields(text: str) -> Iterator[str]:
    depth, start = 0, 0
    for index, character in enumerate(text):
        depth += {"<": 1, ">": -1}.get(character, 0)
        if character == "," and depth == 0:
            yield text[start:index]
            start = index + 1
    yield text[start:]
