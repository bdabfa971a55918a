"""What the columns of a query are to the partitions of the tables it reads."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

PARTITION_DATE = "_PARTITIONDATE"
TABLE_SUFFIX = "_TABLE_SUFFIX"


@dataclass(eq=False)
class Read:
    """One reading of a partitioned table, or one use of what a CTE or view reads; `uses` are those of this one.

    A CTE is read anew wherever it is used, so what it reads is skipped only if every use skips it.
    """

    has_filter: bool = False
    uses: list["Read"] = field(default_factory=list)

    @property
    def is_filtered(self) -> bool:
        """Whether partitions are left out, here or by all who use it."""
        return self.has_filter or (bool(self.uses) and all(use.is_filtered for use in self.uses))


Reads = frozenset[Read]
NO_READS: Reads = frozenset()


@dataclass(frozen=True)
class Column:
    """A column by its folded name, and the readings whose partitioning column it is, unchanged.

    `optional` when an outer join may have made it NULL: then IS NULL asks for rows without a partner.
    """

    name: str
    reads: Reads = NO_READS
    optional: bool = False


@dataclass(frozen=True)
class Relation:
    """Columns in their order, and pseudo columns, which no star names.

    `is_open` when there may be more, as of a table whose schema nobody knows.
    """

    columns: tuple[Column, ...] = ()
    hidden: tuple[Column, ...] = ()
    is_open: bool = False

    @property
    def reads(self) -> Reads:
        """The readings that a filter on one of the columns reaches."""
        return frozenset(read for column in (*self.columns, *self.hidden) for read in column.reads)

    def find(self, name: str) -> list[Column]:
        """The columns of that folded name; a pseudo column where no other has it."""
        found = [column for column in self.columns if column.name == name]
        return found or [column for column in self.hidden if column.name == name]

    def without_reads(self) -> "Relation":
        """The same names, where no filter from outside reaches a table."""
        return Relation(tuple(Column(column.name) for column in self.columns), (), self.is_open)

    def use(self) -> "Relation":
        """One more use of it, whose filters are its own.

        Columns of the same readings share one: a chain of CTEs that each name the one before twice stays short.
        """
        uses: dict[Reads, Read] = {}

        def rewrite(column: Column) -> Column:
            if not column.reads:
                return column
            if column.reads not in uses:
                uses[column.reads] = Read()
                for read in column.reads:
                    read.uses.append(uses[column.reads])
            return replace(column, reads=frozenset({uses[column.reads]}))

        columns, hidden = (tuple(map(rewrite, part)) for part in (self.columns, self.hidden))
        return Relation(columns, hidden, self.is_open)


NOTHING_KNOWN = Relation(is_open=True)


def combine(left: Relation, right: Relation, *, by_name: bool) -> Relation:
    """What UNION makes of two relations: a filter on a column of it is one on the columns of both."""
    if left.is_open or right.is_open:
        return replace(left.without_reads(), is_open=True)
    if by_name:
        pairs = [(column, right.find(column.name)) for column in left.columns]
        return Relation(tuple(_merge(column, found) for column, found in pairs))
    matched = zip(left.columns, right.columns, strict=False)
    return Relation(tuple(_merge(column, [other]) for column, other in matched))


def _merge(column: Column, others: Iterable[Column]) -> Column:
    reads, optional = column.reads, column.optional
    for other in others:
        reads, optional = reads | other.reads, optional or other.optional
    return Column(column.name, reads, optional)
