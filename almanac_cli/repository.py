"""Paths as code scanning and annotations want them: from the top of the repository."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from shared.dashboards.validation import ValidationResult


def anchor_paths(results: Sequence[ValidationResult], folder: Path) -> list[ValidationResult]:
    """The verdicts with paths from the top of the repository `folder` is in, or from `folder` without one.

    A file outside of it keeps its absolute path: there is nothing it could be relative to.
    """
    top = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)
    return [
        replace(
            result,
            path=_anchor(result.path, folder, top),
            diagnostics=tuple(
                replace(item, path=_anchor(item.path, folder, top)) for item in result.diagnostics
            ),
        )
        for result in results
    ]


def _anchor(path: str, folder: Path, top: Path) -> str:
    # Not resolved: a symbolic link is in the repository where it is, not where it leads.
    full = Path(os.path.normpath(folder / path))
    return full.relative_to(top).as_posix() if full.is_relative_to(top) else full.as_posix()
