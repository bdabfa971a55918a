"""What the developer chose: `.env`, and the environment itself, which wins over it.

A file that cannot be taken as it is written is refused with the line that is wrong: a setting that is silently left out
is found out about much later, and on somebody's bill.
"""

import difflib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from deploy.local.errors import StackError
from deploy.local.parts import REPOSITORY
from deploy.local.ports import Ports, PortSettingError, parse_port, setting_name
from shared.environment import SettingsError
from shared.settings import Settings

ENV_FILE = "ENV_FILE"
DOTENV = REPOSITORY / ".env"
PORTS = frozenset(setting_name(field.name) for field in fields(Ports))
STACK, STORAGE = "STACK", "STORAGE"
GOOGLE, GCS = "google", "gcs"
MODES = {STACK: ("local", GOOGLE), STORAGE: ("local", GCS)}
"""What the stack works with, and the values each takes; the first is the default."""
ENVIRONMENT_ONLY = frozenset({"LOCAL_DIR", "PARTS_DIR", ENV_FILE})
"""They say where things are, also before `.env` is read."""
_OF_GOOGLE = "GOOGLE_APPLICATION_CREDENTIALS"
# Docker Compose reads the same file, and people keep there what other programs want.
_OF_OTHERS = ("COMPOSE_", "DOCKER_", "ALMANAC_", "CLOUDSDK_")


class SettingFileError(StackError):
    """`.env` holds something that cannot be used; the message says in which line, and what is accepted."""


def read_choices() -> dict[str, str]:
    """Every setting that `.env` or the environment gives a value, by its name in capitals; the environment wins.

    ENV_FILE names another file than `.env`. Raises SettingFileError.
    """
    path = Path(os.environ[ENV_FILE]).absolute() if os.environ.get(ENV_FILE) else DOTENV
    if not path.is_file():
        if path != DOTENV:
            raise SettingFileError(f"{ENV_FILE} names {path}, and there is no such file.")
        return _check({}, {}, path)
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingFileError(f"{path} cannot be read: {error}.") from error
    # Only on a developer's machine: a container has its environment from Compose, and the image not this package.
    from dotenv import dotenv_values

    lines = dict(_find_lines(text, path))
    values = {name.upper(): value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value}
    return _check(values, lines, path)


def list_known_names() -> frozenset[str]:
    """The settings of the functions and those of the local stack that `.env` may hold."""
    return frozenset(Settings.list_environment_names()) | PORTS | MODES.keys()


def _find_lines(text: str, path: Path) -> Iterator[tuple[str, int]]:
    """Each setting with the number of its line. Raises SettingFileError for what is none."""
    from dotenv.parser import parse_stream

    known = list_known_names()
    for binding in parse_stream(io.StringIO(text)):
        written = binding.original.string
        line = binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")
        if binding.error or (binding.key and binding.value is None):
            said = written.strip().splitlines()[0]
            raise SettingFileError(f"{path.name}, line {line}: {said!r} is not NAME=value.")
        if binding.key:
            name = binding.key.upper()
            if name in ENVIRONMENT_ONLY or name == _OF_GOOGLE:
                raise SettingFileError(
                    f"{path.name}, line {line}: {name} is read from the environment only: {name}=… make up."
                )
            if name not in known and not name.startswith(_OF_OTHERS):
                raise SettingFileError(f"{path.name}, line {line}: {_describe_unknown(name, known)}")
            yield name, line


def _describe_unknown(name: str, known: frozenset[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"did you mean {near[0]}?" if near else "docs/settings.md lists those there are."
    return f"there is no setting {name}; {hint}"


def _check(values: Mapping[str, str], lines: Mapping[str, int], path: Path) -> dict[str, str]:
    """`values` under those of the environment. Raises SettingFileError naming every one that is not accepted."""
    known = list_known_names()
    inherited = {name: os.environ[name] for name in known if os.environ.get(name)}
    chosen = {name: value for name, value in values.items() if name in known} | inherited
    places = {name: 0 if name in inherited else lines[name] for name in chosen}
    problems = sorted(_find_problems(chosen).items(), key=lambda one: places[one[0]])
    if problems:
        raise SettingFileError(
            "\n".join(
                f"{f'{path.name}, line {places[name]}: ' if places[name] else ''}{problem}"
                for name, problem in problems
            )
        )
    return chosen


def _find_problems(chosen: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with each value that is not accepted, in one sentence."""
    problems = {
        name: f"{name} is {chosen[name]!r}; accepted are {' and '.join(accepted)}."
        for name, accepted in MODES.items()
        if chosen.get(name, accepted[0]) not in accepted
    }
    for name in sorted(PORTS & chosen.keys()):
        try:
            parse_port(name, chosen[name])
        except PortSettingError as error:
            problems[name] = str(error)
    try:
        Settings(**{name.lower(): value for name, value in chosen.items()})
    except SettingsError as error:
        problems |= {name: f"{name}: {problem}." for name, problem in error.problems.items()}
    return problems
