"""What stands in one place of a query: sources by name, their columns, and the conditions between them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from shared.sql.lexer import fold_name
from shared.warehouse.partitions.conditions import ConditionReader
from shared.warehouse.partitions.relations import Column, Reads, Relation


@dataclass
class Sources:
    """The range variables of a FROM and the columns that are seen without one."""

    by_name: dict[str, Relation] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    hidden: list[Column] = field(default_factory=list)
    is_open: bool = False

    @classmethod
    def of(cls, relation: Relation, name: str = "") -> "Sources":
        """Those of one relation."""
        sources = cls()
        sources.add(relation, name)
        return sources

    @property
    def relation(self) -> Relation:
        """All of it as `SELECT *` returns it."""
        return Relation(tuple(self.columns), tuple(self.hidden), self.is_open)

    def add(self, relation: Relation, name: str) -> None:
        """One more source; without a name only its columns are seen."""
        if name:
            self.by_name[fold_name(name)] = relation
        self.columns.extend(relation.columns)
        self.hidden.extend(relation.hidden)
        self.is_open = self.is_open or relation.is_open

    def merge(self, other: "Sources") -> None:
        """What another place has seen, as a join in brackets."""
        self.by_name.update(other.by_name)
        self.columns.extend(other.columns)
        self.hidden.extend(other.hidden)
        self.is_open = self.is_open or other.is_open

    def mark_optional(self) -> None:
        """An outer join: each column may be NULL where a row has no partner."""
        self.by_name = {name: _make_optional(relation) for name, relation in self.by_name.items()}
        self.columns = [replace(column, optional=True) for column in self.columns]
        self.hidden = [replace(column, optional=True) for column in self.hidden]

    def join_using(self, names: Sequence[str], side: str, right: Iterable[Column]) -> None:
        """Show each column joined by once: that of the side whose rows all stay, in a full join neither."""
        others = {id(column) for column in right}
        for name in names:
            pair = [column for column in self.columns if column.name == name]
            kept = [column for column in pair if (id(column) in others) == (side == "RIGHT")]
            reads: Reads = kept[0].reads if kept and side != "FULL" else frozenset()
            self.columns = [Column(name, reads), *(column for column in self.columns if column.name != name)]

    def resolve(self, node: exp.Column) -> Column | None:
        """The column that a name means here; None when it is a range variable, a field or not of this place."""
        parts = [fold_name(part.name) for part in node.parts]
        source = self.by_name.get(parts[0])
        if source is not None:
            return _pick(source.find(parts[1])) if len(parts) == 2 else None
        return (
            _pick(Relation(tuple(self.columns), tuple(self.hidden)).find(parts[0]))
            if len(parts) == 1
            else None
        )

    def filter(self, condition: exp.Expr | None, within: Reads | None = None) -> None:
        """Let a condition that has to hold reach the tables; only those of `within` when it binds one side alone."""
        if condition is not None:
            found = ConditionReader(self.resolve).find(condition)
            for read in found if within is None else found & within:
                read.has_filter = True

    def select(self, items: Iterable[exp.Expr]) -> Relation:
        """The columns of a SELECT list."""
        is_open, columns = False, []
        for item in items:
            found = list(self._expand(item))
            columns.extend(found)
            is_open = is_open or (_is_star(item) and self.is_open)
        return Relation(tuple(columns), (), is_open)

    def _expand(self, item: exp.Expr) -> Iterator[Column]:
        if isinstance(item, exp.Star):
            yield from _apply_star(item, self.columns)
            return
        if isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            source = self.by_name.get(fold_name(item.parts[0].name)) if len(item.parts) == 2 else None
            yield from _apply_star(item.this, source.columns if source is not None else ())
            return
        value = item.this if isinstance(item, exp.Alias) else item
        plain = value.unnest()
        column = self.resolve(plain) if isinstance(plain, exp.Column) else None
        name = fold_name(item.alias_or_name)
        yield replace(column, name=name) if column is not None else Column(name)


def _make_optional(relation: Relation) -> Relation:
    columns, hidden = (
        tuple(replace(column, optional=True) for column in part)
        for part in (relation.columns, relation.hidden)
    )
    return Relation(columns, hidden, relation.is_open)


def _pick(found: Sequence[Column]) -> Column | None:
    return found[0] if len(found) == 1 else None


def _is_star(item: exp.Expr) -> bool:
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


def _apply_star(star: exp.Star, columns: Iterable[Column]) -> Iterator[Column]:
    """The columns of a star, without those of EXCEPT; what REPLACE computes is no table's column any more."""
    gone = {fold_name(name.name) for name in star.args.get("except_") or ()}
    computed = {fold_name(one.alias) for one in star.args.get("replace") or ()}
    names = {fold_name(one.this.name): fold_name(one.alias) for one in star.args.get("rename") or ()}
    for column in columns:
        if column.name in computed:
            yield Column(column.name)
        elif column.name not in gone:
            yield replace(column, name=names.get(column.name, column.name))
