"""What Google's Python buildpack makes of the repository, without Google: the files that are uploaded, beside an
environment of requirements.txt alone, in which the project is not installed.

The environment is made of links to this one's packages: those of requirements.txt and what they need by their own
metadata, which is what pip would install there, at the same versions.
"""

import os
import shutil
import venv
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from pathspec import GitIgnoreSpec

from deploy.local.parts import REPOSITORY
from deploy.local.supervision.process import ServiceSpec, answers_ok


def list_distributions(requirements: Path) -> Iterator[Distribution]:
    """Everything that installing a requirements file installs. Raises PackageNotFoundError for what is not here."""
    lines = [line.partition("#")[0].strip() for line in requirements.read_text().splitlines()]
    seen: set[tuple[str, frozenset[str]]] = set()
    names: set[str] = set()
    waiting = [Requirement(line) for line in lines if line]
    while waiting:
        requirement = waiting.pop()
        key = (requirement.name.lower(), frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        found = distribution(requirement.name)
        assert requirement.specifier.contains(found.version, prereleases=True), requirement
        if found.name.lower() not in names:
            names.add(found.name.lower())
            yield found
        for needed in map(Requirement, found.requires or ()):
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)


def make_environment_of(requirements: Path, folder: Path) -> Path:
    """A virtual environment below `folder` with what the requirements install; its folder of programs."""
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python3*/site-packages")
    programs = folder / "bin"
    for found in list_distributions(requirements):
        for file in found.files or ():
            target = (packages / file).resolve()
            if not target.is_relative_to(folder.resolve()) or not file.locate().exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            source = Path(str(file.locate()))
            if target.parent == programs.resolve():
                _write_program(source, target, programs)
            else:
                target.symlink_to(source)
    return programs


def _write_program(source: Path, target: Path, programs: Path) -> None:
    """A program starts the interpreter of its first line: this environment's."""
    head, _, body = source.read_bytes().partition(b"\n")
    target.write_bytes(
        f"#!{programs / 'python'}\n".encode() + body if head.startswith(b"#!") else source.read_bytes()
    )
    target.chmod(0o755)


def list_uploaded(root: Path = REPOSITORY) -> Iterator[Path]:
    """What `gcloud run deploy --source .` sends of a checkout; the patterns of .gcloudignore are read as Git's."""
    ignored = GitIgnoreSpec.from_lines((root / ".gcloudignore").read_text().splitlines())
    for place, folders, files in os.walk(root):
        here = Path(place).relative_to(root)
        # A folder that is ignored is not looked into, whatever a later pattern says of what is in it.
        folders[:] = [name for name in folders if not ignored.match_file(f"{(here / name).as_posix()}/")]
        yield from (here / name for name in files if not ignored.match_file((here / name).as_posix()))


def upload(folder: Path) -> Path:
    """`folder` with a copy of all that."""
    for path in list_uploaded():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / path, folder / path)
    return folder


def build_source_spec(
    target: str, port: int, settings: Mapping[str, str], source: Path, programs: Path, state: Path
) -> ServiceSpec:
    """How the buildpack's image starts a function: `functions-framework` beside main.py, and nothing but its name."""
    environment = {
        **settings,
        "PATH": f"{programs}:/usr/bin:/bin",
        "HOME": str(state),
        "TMPDIR": str(state),
        "FUNCTION_TARGET": target,
        "FUNCTION_SIGNATURE_TYPE": "http",
        "PORT": str(port),
    }
    return ServiceSpec(
        name=target,
        # Without any variable of this process: no PYTHONPATH, no virtual environment.
        command=[
            "env",
            "-i",
            *(f"{name}={value}" for name, value in environment.items()),
            "functions-framework",
        ],
        is_ready=lambda: answers_ok(port, "/healthz"),
        log_path=state / f"{target}.log",
        working_directory=source,
    )
