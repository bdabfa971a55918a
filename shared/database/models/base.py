"""The declarative base, the column types every table shares and the constraint names."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import CHAR, BigInteger, CheckConstraint, DateTime, Enum, MetaData, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

from shared.json_values import JsonObject

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


UuidKey = Annotated[UUID, mapped_column(Uuid, primary_key=True, default=uuid4)]
"""Made in Python, so that tests and callers may choose it."""

CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]
"""The database's clock unless the caller brings one."""

Sha256Hex = Annotated[str, mapped_column(CHAR(64))]
ByteCount = Annotated[int, mapped_column(BigInteger)]


class Base(DeclarativeBase):
    """Base of every model; `Base.metadata` is what Alembic compares the database with."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar = {
        datetime: DateTime(timezone=True),
        str: Text,
        JsonObject: JSONB(none_as_null=True),
    }


def text_enum(members: type[StrEnum]) -> Enum:
    """A column type that stores a StrEnum's values as text; pair it with `one_of`.

    Not a PostgreSQL enum: a new member is one CHECK constraint, not an ALTER TYPE that old code must survive.
    """
    return Enum(
        members,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda enum: [member.value for member in enum],
    )


def one_of(column: str, members: type[StrEnum]) -> CheckConstraint:
    """The CHECK that `column` holds one of the members' values."""
    accepted = ", ".join(f"'{member.value}'" for member in members)
    return CheckConstraint(f"{column} IN ({accepted})", name=column)


def hex_digest(column: str, length: int = 64) -> CheckConstraint:
    """The CHECK that `column` is lower-case hexadecimal of exactly `length` digits."""
    return CheckConstraint(f"{column} ~ '^[0-9a-f]{{{length}}}$'", name=f"{column}_hex")


def not_negative(*columns: str) -> CheckConstraint:
    """The CHECK that none of the columns is below zero."""
    return CheckConstraint(
        " AND ".join(f"{column} >= 0" for column in columns), name=f"{columns[0]}_not_negative"
    )
