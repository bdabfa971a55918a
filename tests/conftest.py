"""Fixtures that every test folder may use."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures.bigquery",
    "tests.fixtures.fake_gcs",
    "tests.fixtures.functions",
    "tests.fixtures.google",
    "tests.fixtures.oidc",
    "tests.fixtures.postgres",
    "tests.fixtures.programs",
    "tests.fixtures.stack",
    "tests.fixtures.stores",
    "tests.fixtures.valkey",
    "tests.fixtures.warehouse",
    # after those they import: functions and stack
    "tests.fixtures.computed_shop",
    "tests.fixtures.browser",
    "tests.fixtures.chart_page",
]

# `make test` tries the same examples each time, and judges no machine for being slow; make test
# ARGS="--hypothesis-profile=nightly" looks for new ones, and for more where each is heavy: tests/fixtures/examples.py.
settings.register_profile(
    "sample", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("nightly", settings.get_profile("sample"), derandomize=False, print_blob=True)
settings.load_profile("sample")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs the whole running stack, so that `make test` and `make test-stack` share them out."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.stack)
