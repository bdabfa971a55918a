"""The only composition root: every service is built here, once per process, on first use.

Imports stand inside the properties, so that a function loads only what it serves. The areas build on each other in
one direction: stores, sign-in and the warehouse, dashboards, precompute, saving. Tests build a Container with their
own settings and install it with `use_container`.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from shared.container.saving import SavingServices
from shared.container.sign_in import SignInServices
from shared.once import BUILDING
from shared.settings import Settings, get_settings


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Container(SignInServices, SavingServices):
    """Builds the services of one process from its settings."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        super().__init__(settings, clock)

    @property
    def is_database_lost(self) -> bool:
        """True while PostgreSQL does not answer a process that asks it."""
        database = vars(self).get("database")
        return database is not None and database.reach.is_lost


_current: Container | None = None


def get_container() -> Container:
    """The container of this process; built from the environment on first use."""
    global _current
    if _current is None:
        with BUILDING:
            if _current is None:
                _current = Container(get_settings())
    return _current


def use_container(container: Container | None) -> None:
    """Install `container` for this process; None goes back to the environment's."""
    global _current
    _current = container
