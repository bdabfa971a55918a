"""Google's client for BigQuery, loaded by a process that reads no Arrow.

The client loads pyarrow and gRPC wherever they are installed, 65 MiB of memory, and works without: both are extras of
its own. They are installed for `precompute`, which reads large results as Arrow, by gRPC; a process that only reads a
few rows by REST has no use for them.
"""

import sys

_EXTRAS = ("pyarrow", "grpc")


def load_without_arrow() -> None:
    """Load the client as if its extras were not installed; one that is loaded already stays as it is.

    From then on this process reads results as rows only (`read_sample`), never as Arrow.
    """
    absent = [name for name in _EXTRAS if name not in sys.modules]
    # None is what makes an import statement raise ImportError:
    # https://docs.python.org/3/reference/import.html#the-module-cache
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        import google.cloud.bigquery  # noqa: F401
    finally:
        for name in absent:
            del sys.modules[name]
