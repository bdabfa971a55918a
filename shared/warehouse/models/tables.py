"""Names of BigQuery tables."""

from dataclasses import dataclass

from shared.sql.lexer import fold_name, upper_name

INFORMATION_SCHEMA = "INFORMATION_SCHEMA"
PARTITION_TIME = "_PARTITIONTIME"
"""The pseudo column of a table that is partitioned by the time its rows came in."""


@dataclass(frozen=True, order=True)
class TableRef:
    """One table, view or wildcard (`events_*`), fully named.

    Dataset and table names are case-sensitive in BigQuery; the project is kept in lower case. A view of a
    dataset's metadata is the table `INFORMATION_SCHEMA.<VIEW>` of that dataset.
    """

    project: str
    dataset: str
    table: str

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def is_wildcard(self) -> bool:
        """True for `prefix*`, which stands for every table of the dataset that begins with `prefix`."""
        return self.table.endswith("*")

    @property
    def is_metadata(self) -> bool:
        """True for a view of INFORMATION_SCHEMA and for its predecessors, `__TABLES__` and its summary."""
        return upper_name(self.table).startswith((f"{INFORMATION_SCHEMA}.", "__TABLES_"))

    def covers(self, other: "TableRef") -> bool:
        """True when `other` is this table, or one that this wildcard stands for."""
        if (self.project, self.dataset) != (other.project, other.dataset):
            return False
        return other.table == self.table or (self.is_wildcard and other.table.startswith(self.table[:-1]))


def parse_dataset(text: str, default_project: str) -> tuple[str, str]:
    """Project and dataset of `dataset` or `project.dataset`.

    A domain-scoped project (`example.com:project`) may be part of it. Raises ValueError on any other form.
    """
    project, _, dataset = text.rpartition(".")
    if not dataset or text.startswith(".") or ":" in dataset or any(not part for part in text.split(".")):
        raise ValueError(f"{text!r} is not a dataset; write dataset or project.dataset")
    return fold_name(project or default_project), dataset


def parse_table(text: str, default_project: str, default_dataset: str | None) -> TableRef:
    """The table named by `table`, `dataset.table` or `project.dataset.table`, with or without backticks.

    `default_dataset` is `dataset` or `project.dataset` and completes a bare `table`. Raises ValueError when
    a part is empty, or when the dataset is missing and there is no default.
    """
    plain = text.replace("`", "")
    parts = _split_table(plain)
    if any(not part for part in parts):
        raise ValueError(f"{text!r} is not a table; write table, dataset.table or project.dataset.table")
    *qualifier, table = parts
    if qualifier:
        project, dataset = parse_dataset(".".join(qualifier), default_project)
    elif default_dataset:
        project, dataset = parse_dataset(default_dataset, default_project)
    else:
        raise ValueError(f"{text!r} names no dataset; write dataset.table or set a default dataset")
    return TableRef(project, dataset, table)


def _split_table(text: str) -> list[str]:
    before, dot, metadata_view = _partition_metadata(text)
    if dot:
        return [*before.split("."), metadata_view]
    domain, colon, rest = text.partition(":")
    parts = rest.split(".") if colon else text.split(".")
    if colon:
        parts[0] = f"{domain}:{parts[0]}"
    if len(parts) > 3:
        raise ValueError(f"{text!r} has too many parts; write at most project.dataset.table")
    return parts


def _partition_metadata(text: str) -> tuple[str, str, str]:
    start = upper_name(text).find(f".{INFORMATION_SCHEMA}.")
    if start < 0:
        return text, "", ""
    return text[:start], ".", text[start + 1 :]
