"""PostgreSQL that is far away: what a save asks it, one after the other, is counted, and a slow link delays no more."""

import copy
import time
from collections.abc import Iterator

import pytest

from deploy.local.alone.postgres import RunningPostgres
from deploy.local.servers.oidc import OidcServer
from shared.api.manifest import load_manifest
from shared.container import Container, use_container
from shared.settings import Settings
from tests.fixtures.faulty_link import FaultyLink
from tests.fixtures.functions import SHOP, FunctionHost
from tests.fixtures.postgres import count_exchanges

EXCHANGES = 54
"""Of a save of one dashboard that was saved and computed before. It may become less, and not more."""
DELAY_SECONDS, FAR_SECONDS = 0.02, 0.3
CHANGED = SHOP.replace("BY id", "BY name")


@pytest.fixture
def link(postgres_server: RunningPostgres) -> Iterator[FaultyLink]:
    """A link to PostgreSQL."""
    with FaultyLink(postgres_server.server.port).running() as running:
        yield running


@pytest.fixture
def host(
    computed_shop: FunctionHost, link: FaultyLink, postgres_server: RunningPostgres, oidc_server: OidcServer
) -> Iterator[FunctionHost]:
    """A host with the shop computed, whose PostgreSQL is behind the link."""
    near = computed_shop.container.settings
    url = near.database_url.get_secret_value().replace(f":{postgres_server.server.port}/", f":{link.port}/")
    container = Container(copy.replace(near, database_url=Settings(database_url=url).database_url))
    use_container(container)
    yield FunctionHost(container, oidc_server)
    use_container(computed_shop.container)
    container.database.dispose()


def test_a_save_asks_the_database_a_known_number_of_times(host: FunctionHost, link: FaultyLink) -> None:
    host.call("dashboards_read", "GET", "/dashboards")  # as in any running process a connection is there
    timeout_seconds = load_manifest().get("dashboards_save").timeout_seconds
    with count_exchanges() as asked, link.delayed(DELAY_SECONDS):
        began = time.monotonic()
        saved = host.save_shop(CHANGED)
        seconds = time.monotonic() - began
    assert (saved["version"], saved["changed"]) == (2, True)
    assert len(asked) <= EXCHANGES, "\n".join(asked)
    assert timeout_seconds / 5 > 2 * FAR_SECONDS * EXCHANGES
    assert seconds < timeout_seconds * DELAY_SECONDS / FAR_SECONDS
