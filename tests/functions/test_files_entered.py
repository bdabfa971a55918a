"""A save and a refresh stay short enough to be read: how many files of ours one request runs through.

Counted are the files below `shared/` and `functions/` of which at least one function begins between the request and
the last byte of its answer, in any thread, in a process that has answered such a request before, so that its services
are built; what modules run while they are imported is not counted, nor any other package.
`pytest tests/functions/test_files_entered.py -rP` prints their names.
"""

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shared.settings import Settings
from tests.fixtures.files_entered import record_files_entered
from tests.fixtures.functions import SHOP, FunctionHost

MOST_FILES_OF_A_SAVE = 133
MOST_FILES_OF_A_REFRESH = 99


@pytest.fixture
def function_settings(function_settings: Settings) -> Settings:
    """The caller stays known: whether a second request asks again must not depend on how slow the machine is."""
    return copy.replace(function_settings, session_cache_seconds=3600)


@contextmanager
def at_most(files: int) -> Iterator[None]:
    """Fail when the block runs through more files than that, with their names."""
    with record_files_entered() as entered:
        yield
    names = "\n".join([f"{len(entered)} files:", *sorted(entered)])
    sys.stdout.write(f"{names}\n")
    assert len(entered) <= files, names


def test_a_first_save_runs_through_few_files(functions: FunctionHost) -> None:
    functions.save_shop()
    functions.precompute_shop()  # the same queries, so that the new dashboard is served at once
    with at_most(MOST_FILES_OF_A_SAVE):
        saved = functions.save_shop(SHOP.replace("slug: shop", "slug: second-shop"))
    assert (saved["slug"], saved["version"]) == ("second-shop", 1)


def test_a_save_of_a_served_dashboard_runs_through_few_files(functions: FunctionHost) -> None:
    functions.save_shop()
    functions.precompute_shop()
    functions.save_shop(SHOP.replace("ORDER BY id", "ORDER BY id, name"))
    with at_most(MOST_FILES_OF_A_SAVE):
        saved = functions.save_shop(SHOP.replace("ORDER BY id", "ORDER BY name"))
    assert (saved["version"], saved["changed"]) == (3, True)


def test_a_forced_refresh_runs_through_few_files(functions: FunctionHost) -> None:
    functions.save_shop()
    functions.precompute_shop()
    with at_most(MOST_FILES_OF_A_REFRESH):
        refreshed = functions.precompute_shop(force=True)
    assert {one["status"] for one in refreshed["queries"]} == {"refreshed"}
