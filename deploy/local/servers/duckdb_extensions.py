"""Installing DuckDB's extensions from the files inside their Python packages.

DuckDB would download an extension when it first needs it; a machine without that network would hang there.
"""

import hashlib
import subprocess
from pathlib import Path

from deploy.local.parts import REQUIREMENTS, parts_site_packages

_INSTALL = """
import sys
import duckdb
connection = duckdb.connect(config={"autoinstall_known_extensions": False})
for path in sys.argv[1:]:
    connection.execute(f"FORCE INSTALL '{path}'")
"""


def install(python: Path, home: Path) -> bool:
    """Install every packaged extension below `home`. True when there was something to do."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    stamp = home / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    files = sorted(parts_site_packages().glob("duckdb_extension_*/extensions/*/*.duckdb_extension"))
    subprocess.run([python, "-c", _INSTALL, *files], env={"HOME": str(home)}, check=True)
    stamp.write_text(wanted)
    return True
