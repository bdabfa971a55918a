"""What SQL may read and call, as far as this machine knows: from the environment, else from pyproject.toml."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from almanac_cli.errors import UsageError
from shared.dashboards.definition.limits import SqlPolicy
from shared.dashboards.validators.sql import make_guard

_TABLE = "[tool.almanac]"


def find_sql_policy(folder: Path) -> SqlPolicy | None:
    """The policy of ALLOWED_DATASETS, ALLOWED_ROUTINES and GOOGLE_CLOUD_PROJECT, or of `[tool.almanac]`.

    The file is the nearest pyproject.toml from `folder` upwards. None where neither names a dataset or a routine.
    Raises UsageError for a file that cannot be read, and for a list that is none.
    """
    configured = _read_configuration(folder)
    datasets = _find_list(configured, "allowed_datasets")
    routines = _find_list(configured, "allowed_routines")
    if not datasets and not routines:
        return None
    project = os.environ.get("GOOGLE_CLOUD_PROJECT") or str(configured.get("project", ""))
    policy = SqlPolicy(project, tuple(datasets) or None, tuple(routines))
    try:
        make_guard(policy)
    except ValueError as error:
        raise UsageError(
            f"ALLOWED_DATASETS: {error}.", remediation="Write dataset or project.dataset."
        ) from error
    return policy


def _find_list(configured: Mapping[str, object], key: str) -> list[str]:
    written = os.environ.get(key.upper(), "")
    if written:
        return [part.strip() for part in written.split(",") if part.strip()]
    values = configured.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UsageError(
            f"{key} of {_TABLE} in pyproject.toml is no list of names.", remediation='Write ["nyc"].'
        )
    return values


def _read_configuration(folder: Path) -> Mapping[str, object]:
    for place in (folder, *folder.parents):
        path = place / "pyproject.toml"
        if path.is_file():
            try:
                content = tomllib.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise UsageError(
                    f"{path} cannot be read: {error}.", remediation="Correct the file."
                ) from error
            tool = content.get("tool", {}).get("almanac", {})
            return tool if isinstance(tool, dict) else {}
    return {}
