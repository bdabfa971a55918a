"""The conditions of a read that can skip data: on the partitioning column, on `_TABLE_SUFFIX`."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from deploy.local.gate.reading.parameters import Parameters
from deploy.local.gate.reading.pruning import NO_CONDITION, AllOf, ConditionReader, NullTest, Test
from deploy.local.gate.reading.reads import Read
from deploy.local.gate.tables import INGESTION_TIME, Partitioning, Table

_TABLE_SUFFIX = "_table_suffix"
_PARTITION_DATE = "_partitiondate"


def partition_test(read: Read, table: Table, parameters: Parameters) -> Test:
    """What a partition of `table` has to fulfil to be read."""
    partitioning = table.partitioning
    if partitioning is None:
        return NO_CONDITION
    tests = [_reader(read, partitioning, parameters).read(condition) for condition in read.conditions]
    if partitioning.column == INGESTION_TIME:
        reader = ConditionReader(_column_test(read.alias, _PARTITION_DATE), "DATE", parameters)
        tests += [reader.read(condition) for condition in read.conditions]
    return AllOf(tuple(test for test in tests if not (read.optional and _tests_null(test))))


def suffix_test(read: Read, parameters: Parameters) -> Test:
    """What the suffix of a table has to fulfil for a wildcard to read it."""
    reader = ConditionReader(_column_test(read.alias, _TABLE_SUFFIX), "STRING", parameters)
    return AllOf(tuple(reader.read(condition) for condition in read.conditions))


def _reader(read: Read, partitioning: Partitioning, parameters: Parameters) -> ConditionReader:
    return ConditionReader(_column_test(read.alias, partitioning.column), partitioning.type, parameters)


def _column_test(alias: str, name: str) -> Callable[[exp.Expr], bool]:
    """Tells the column `name` of `alias`; a pseudo-column may stand without its table."""
    owners = (alias, "") if name.startswith("_") else (alias,)

    def is_column(node: exp.Expr) -> bool:
        return isinstance(node, exp.Column) and node.name.lower() == name and node.table in owners

    return is_column


def _tests_null(test: Test) -> bool:
    parts: Sequence[Test] = test.tests if not isinstance(test, NullTest) and hasattr(test, "tests") else ()
    return (isinstance(test, NullTest) and test.wants_null) or any(map(_tests_null, parts))
