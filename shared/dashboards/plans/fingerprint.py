"""What a query is: a hash that changes exactly when its answer may change for other reasons than the data."""

import hashlib
import json
from collections.abc import Mapping

from shared.dashboards.definition.parameter_values import TypedValue
from shared.dashboards.definition.variants import expand_variants, hash_variant
from shared.sql.text import read_sql

__all__ = ["compute_fingerprint", "expand_variants", "hash_variant"]

# Part of every hash: raise it when the normal form changes, so that old answers are not taken for new ones.
_FORM = 2


def compute_fingerprint(
    sql: str,
    parameters: Mapping[str, TypedValue],
    default_dataset: str | None,
    project: str,
    max_rows: int,
    time_zone: str | None = None,
) -> str:
    """SHA-256, in hexadecimal, of everything but the data that decides a query's answer.

    Comments, white space and the case of reserved words do not count; string literals, names and quoting
    do. Of `parameters` (canonical values by name) only those the SQL uses count. `time_zone` is the one the
    job is given where the dashboard sets one; without, jobs run in UTC.
    """
    text = read_sql(sql)
    used = {name.lower(): [value.type, value.value] for name, value in parameters.items()}
    identity: dict[str, object] = {
        "form": _FORM,
        "sql": text.normal_form,
        "parameters": {name: used[name] for name in sorted(text.parameter_names & used.keys())},
        "dataset": default_dataset,
        "project": project,
        "max_rows": max_rows,
    }
    if time_zone is not None:
        identity["time_zone"] = time_zone
    canonical = json.dumps(
        identity, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
