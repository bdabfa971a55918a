"""Which of several alternatives of a schema an author meant, read off the errors of each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.dashboards.definition.published_schema import JsonSchema, resolve_schema
from shared.dashboards.validators.schema.verdict import SchemaError

# What a key that is not as the branch wants it says against the branch.
_UNFIT_KEY, _OTHER_TAG = 0.6, 1.5


@dataclass(frozen=True)
class Branch:
    """One alternative, and what it has against the value at `depth` keys and indexes from the top."""

    schema: JsonSchema
    errors: Sequence[SchemaError]
    depth: int

    def own(self, keyword: str) -> Iterator[SchemaError]:
        """The errors of one keyword about the value itself, not about its parts."""
        return (one for one in self.errors if one.keyword == keyword and len(one.location) == self.depth)

    @property
    def is_mistyped(self) -> bool:
        """True when the value is of a type this branch never takes."""
        return any(self.own("type"))

    @property
    def tag(self) -> str | None:
        """The one word this branch takes for `type`, which names it; None without any."""
        tag = self._tag_schema.get("const")
        return tag if isinstance(tag, str) else None

    @property
    def _tag_schema(self) -> JsonSchema:
        return resolve_schema(self.schema.get("properties", {}).get("type", {}))

    def is_named(self, value: object) -> bool:
        """True when `value` says by its `type`, or by leaving it out, that it is meant for this branch."""
        if not isinstance(value, dict) or self.tag is None:
            return False
        return bool(value.get("type", self._tag_schema.get("default")) == self.tag)

    def distance(self) -> float:
        """How far the value is from this branch, by its own keys only."""
        distance = float(sum(1 for _ in self.own("required")))
        for error in self.own("additionalProperties"):
            distance += len(set(error.value) - set(error.schema.get("properties", {})))
        unfit: dict[str | int, float] = {}
        for error in self.errors:
            if len(error.location) > self.depth:
                is_tag = error.keyword == "const" and len(error.location) == self.depth + 1
                key = error.location[self.depth]
                unfit[key] = max(unfit.get(key, 0.0), _OTHER_TAG if is_tag else _UNFIT_KEY)
        return distance + sum(unfit.values())


def flatten_branches(error: SchemaError) -> list[Branch]:
    """The alternatives of a failed `anyOf` or `oneOf`; those that are alternatives themselves, by their own."""
    branches = []
    for schema, errors in error.list_branches():
        only = errors[0] if len(errors) == 1 else None
        if only is not None and only.keyword == "anyOf" and only.location == error.location:
            branches.extend(flatten_branches(only))
        else:
            branches.append(Branch(resolve_schema(schema), errors, len(error.location)))
    return branches


def list_tags(branches: Sequence[Branch]) -> list[str]:
    """The words for `type` that name one of `branches`; empty unless each has one."""
    tags = [branch.tag for branch in branches]
    return [tag for tag in tags if tag is not None] if None not in tags else []


def find_meant(branches: Sequence[Branch], value: object) -> Branch:
    """The branch `value` names by its tag, whatever else is wrong, or else the one it is nearest to."""
    named = [branch for branch in branches if branch.is_named(value)]
    return min(named or branches, key=Branch.distance)
