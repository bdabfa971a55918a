"""Install DuckDB's packaged extensions below HOME; it would download them at run time otherwise.

Runs in the virtual environment of the local servers, while their image is built.
"""

import sysconfig
from pathlib import Path


def main() -> None:
    """Install every extension that is installed as a Python package."""
    import duckdb

    packages = Path(sysconfig.get_path("purelib"))
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    for path in sorted(packages.glob("duckdb_extension_*/extensions/*/*.duckdb_extension")):
        connection.execute(f"FORCE INSTALL '{path}'")


if __name__ == "__main__":
    main()
