"""Any function of `functions/` by its name: where Google's buildpacks look for the one to start.

``gcloud run deploy data --source . --function data`` uploads what .gcloudignore leaves, installs requirements.txt and
starts functions-framework beside this file, which asks it for the attribute `data`. Only that function is imported.
The image of deploy/Dockerfile names a function's own file in FUNCTION_SOURCE and does not come by here.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import flask

_FUNCTIONS = Path(__file__).resolve().parent / "functions"


def __getattr__(name: str) -> Callable[[flask.Request], flask.Response]:
    """The handler called `name`. Raises LookupError naming all there are when there is none."""
    if name.startswith("__"):  # asked for by whoever imports or inspects a module
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Not left to the framework: it would import every function to list their names.
    names = sorted(path.parent.name for path in _FUNCTIONS.glob("*/main.py"))
    if name not in names:
        raise LookupError(f"there is no function {name!r}; there are: {', '.join(names)}")
    handler: Callable[[flask.Request], flask.Response] = getattr(
        import_module(f"functions.{name}.main"), name
    )
    return handler
