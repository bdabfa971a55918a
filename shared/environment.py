"""The only reader of the environment: settings of a process, by the annotations of a class, and its server's threads.

Not by Pydantic: importing it takes a third of a cold start, and every function reads settings first. The types and the
bounds are msgspec's.
"""

import copy
import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, NamedTuple, Self, get_args, get_origin, get_type_hints

from msgspec import Meta, ValidationError, convert

_PLAIN_NAMES = {int: "whole number", float: "number", Decimal: "number", str: "text"}


class Reader(NamedTuple):
    """In an annotation: how a value becomes what the type says, and what people call such values.

    `read` gets what was given, or what an earlier reader made of it, and raises ValueError saying what is wrong.
    """

    read: Callable[[Any], Any]
    name: str = ""


class SecretStr:
    """A text that shows in no output but by `get_secret_value`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """The text."""
        return self._text

    def __repr__(self) -> str:
        return f"SecretStr({'*' * 10 if self._text else ''!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretStr) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


class SettingsError(ValueError):
    """Settings that are not accepted; `problems` says of each variable what is wrong with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        lines = [f"{name}: {problem}" for name, problem in problems.items()]
        super().__init__("\n".join([f"{len(lines)} of the settings cannot be read", *lines]))
        self.problems = dict(problems)


class EnvironmentSettings:
    """Base of a class whose annotated attributes are settings; what stands in the class is the default.

    A value comes from what is given, else from the environment (names in any case; an empty variable counts as unset),
    else it is the default. Settings are frozen: to set or delete one raises AttributeError, and `copy.replace` makes a
    copy with other values.
    """

    def __init__(self, **given: object) -> None:
        """Raises SettingsError naming everything that is wrong. Unknown names in `given` are not looked at."""
        found = {name.lower(): value for name, value in os.environ.items() if value} | given
        problems: dict[str, str] = {}
        for name, kind in list_kinds(type(self)).items():
            try:
                value = _convert(kind, found[name]) if name in found else copy.copy(getattr(type(self), name))
            except ValueError as error:
                problems[name.upper()] = str(error)
            else:
                vars(self)[name] = value
        if problems:
            raise SettingsError(problems)

    @classmethod
    def list_environment_names(cls) -> list[str]:
        """The environment variables that are read, in the order of the class."""
        return [name.upper() for name in list_kinds(cls)]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings are frozen; copy.replace(settings, {name}=...) makes others")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"settings are frozen; {name} stays")

    def __replace__(self, /, **changes: object) -> Self:
        changed = copy.copy(self)
        vars(changed).update(changes)
        return changed

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"
        )


def count_server_threads() -> int:
    """How many requests the server of this process serves at once, worked out as functions-framework does."""
    return int(os.environ.get("THREADS") or (os.cpu_count() or 1) * 4)


class ServerEnvironment(NamedTuple):
    """What functions-framework reads of the environment, with its defaults."""

    target: str
    source: str | None
    host: str
    port: int
    workers: int
    threads: int
    timeout_seconds: int

    @classmethod
    def read(cls) -> Self:
        """That of this process. Raises SettingsError when it names no function."""
        given = os.environ
        if not given.get("FUNCTION_TARGET"):
            raise SettingsError({"FUNCTION_TARGET": "names no function"})
        return cls(
            target=given["FUNCTION_TARGET"],
            source=given.get("FUNCTION_SOURCE"),
            host=given.get("HOST") or "0.0.0.0",  # noqa: S104 - as Cloud Run asks for
            port=int(given.get("PORT") or 8080),
            workers=int(given.get("WORKERS") or 1),
            threads=count_server_threads(),
            timeout_seconds=int(given.get("CLOUD_RUN_TIMEOUT_SECONDS") or 0),
        )


def list_kinds(cls: type[EnvironmentSettings]) -> Mapping[str, object]:
    """The annotations of the settings of a class, by their names in lower case."""
    return get_type_hints(cls, include_extras=True)


def describe_kind(kind: object) -> str:
    """What a setting of this annotation accepts, in words."""
    base, extras = _split(kind)
    if named := next((extra.name for extra in extras if isinstance(extra, Reader) and extra.name), None):
        return named
    if isinstance(base, type) and issubclass(base, StrEnum):
        return ", ".join(f"`{member.value}`" for member in base)
    if base is SecretStr:
        return "text, secret"
    name = _PLAIN_NAMES.get(base) or _PLAIN_NAMES[get_args(base)[0]]
    bounds = [words for extra in extras if isinstance(extra, Meta) for words in _list_bounds(extra)]
    return " ".join([name, *bounds])


def _list_bounds(bound: Meta) -> list[str]:
    words = {"from": bound.ge, "above": bound.gt, "to": bound.le}
    return [f"{word} {limit}" for word, limit in words.items() if limit is not None]


def _convert(kind: object, value: object) -> Any:
    base, extras = _split(kind)
    if base is SecretStr:
        if not isinstance(value, str | SecretStr):
            raise ValueError("a secret is text")
        return SecretStr(value) if isinstance(value, str) else value
    given = value.strip() if isinstance(value, str) and base in {int, float} else value
    try:
        for extra in extras:
            if isinstance(extra, Reader):
                given = extra.read(given)
        return convert(given, kind, strict=False)
    except (ValidationError, TypeError, AttributeError):
        raise ValueError(f"{value!r} is not accepted; accepted: {describe_kind(kind)}") from None


def _split(kind: object) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(kind) is not Annotated:
        return kind, ()
    base, *extras = get_args(kind)
    return base, tuple(extras)
