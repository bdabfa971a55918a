"""The compiled module: compiling takes some ten seconds and a gigabyte, loading what is kept of it next to nothing."""

import fcntl
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmtime import Engine, Module


def compiled_path(folder: Path) -> Path:
    """The file in `folder` for the installed releases. Raises PackageNotFoundError where one is missing."""
    return folder / f"zetasql-{version('zetasql')}-wasmtime-{version('wasmtime')}.cwasm"


def make_engine() -> "Engine":
    """An engine of the kind that the module is compiled for."""
    from wasmtime import Config, Engine

    config = Config()
    config.shared_memory = True  # the module imports its memory so
    return Engine(config)


def compile_module(folder: Path) -> Path:
    """Compile the module into `folder` unless it is there; of several processes at once, one does."""
    from wasmtime import Module

    folder.mkdir(parents=True, exist_ok=True)
    compiled = compiled_path(folder)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not compiled.exists():
            partial = compiled.with_suffix(".partial")
            partial.write_bytes(Module.from_file(make_engine(), str(_source())).serialize())
            partial.replace(compiled)
    return compiled


def load_module(engine: "Engine", folder: Path) -> "Module":
    """The module that `compile_module` left in `folder`. Raises WasmtimeError when there is none that fits."""
    from wasmtime import Module

    return Module.deserialize_file(engine, str(compiled_path(folder)))


def _source() -> Path:
    package = find_spec("zetasql")
    assert package is not None and package.origin is not None  # noqa: S101, PT018 - compiled_path found it
    return Path(package.origin).parent / "wasi" / "zetasql.wasm"
