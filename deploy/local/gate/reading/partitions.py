"""What a partition holds: the span of its partitioning column, its rows and the bytes of each column."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deploy.local.gate.sizes import OUTSIDE_RANGE
from deploy.local.gate.tables import Partitioning, Path, Table, Unit

DAY_MICROS = 86_400_000_000
HOUR_MICROS = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """The values from `low` to `high`, both included, that a partition may hold.

    Times are microseconds since 1970; a table of a wildcard has its suffix. None stands for no bound;
    `is_null` is the partition of NULLs.
    """

    low: int | str | None = None
    high: int | str | None = None
    is_null: bool = False


@dataclass(frozen=True, eq=False)
class Partition:
    """One partition and the logical bytes of its columns. Equal to itself only, to be a key of a dict."""

    key: int | None
    span: Span
    rows: int
    bytes_by_path: dict[Path, int]

    def bytes_of(self, paths: Iterable[Path]) -> int:
        """Bytes of the columns in `paths`."""
        return sum(self.bytes_by_path[path] for path in paths)


def floor_micros(micros: int, unit: Unit) -> int:
    """The start of the hour, day, month or year (UTC) that `micros` lies in."""
    if unit is Unit.HOUR:
        return micros - micros % HOUR_MICROS
    if unit is Unit.DAY:
        return micros - micros % DAY_MICROS
    moment = _EPOCH + timedelta(microseconds=micros)
    month = 1 if unit is Unit.YEAR else moment.month
    return to_micros(datetime(moment.year, month, 1, tzinfo=UTC))


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970; a moment without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def span_of(key: int | None, partitioning: Partitioning | None) -> Span:
    """The values a partition with this key may hold."""
    if partitioning is None or key == OUTSIDE_RANGE:
        return Span()
    if key is None:
        return Span(is_null=True)
    if partitioning.unit is Unit.RANGE:
        return Span(key, key + partitioning.interval - 1)
    step = DAY_MICROS if partitioning.type == "DATE" else 1
    return Span(key, _next_start(key, partitioning.unit) - step)


def _next_start(start: int, unit: Unit) -> int:
    if unit in (Unit.HOUR, Unit.DAY):
        return start + (HOUR_MICROS if unit is Unit.HOUR else DAY_MICROS)
    # 32 days on is in the next month, 366 days on is in the next year, whatever the calendar.
    days = 32 if unit is Unit.MONTH else 366
    return floor_micros(start + days * DAY_MICROS, unit)


def read_partitions(table: Table, rows: Iterable[list[int | None]]) -> tuple[Partition, ...]:
    """The partitions in the rows that `sizes.measuring_sql` answers."""
    paths = [leaf.path for leaf in table.leaves]
    return tuple(
        Partition(
            key,
            span_of(key, table.partitioning),
            count or 0,
            dict(zip(paths, map(int, map(_zero, sizes)), strict=True)),
        )
        for key, count, *sizes in rows
    )


def _zero(size: int | None) -> int:
    return size or 0
