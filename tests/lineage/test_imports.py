"""What reading lineage must not load."""

import subprocess
import sys

import pytest


@pytest.mark.usefixtures("programs")
def test_reading_lineage_loads_no_parser():
    code = (
        "import sys, shared.lineage.service, shared.lineage.openlineage;"
        "heavy = {'sqlglot', 'google.cloud.bigquery', 'flask', 'pyarrow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"
