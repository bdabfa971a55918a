"""What a supervisor runs: services and tasks, and how they rely on each other."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from deploy.local.supervision.process import Service, ServiceSpec
from deploy.local.supervision.status import State, UnitStatus


@dataclass(frozen=True)
class Unit:
    """A service, or a task (a program that does its work and ends with 0).

    `prepare` runs before each start, in a worker thread, and answers how to run it. `needs` must be ready or
    done first; `uses` need not, but they are stopped later. A failed `required` unit ends the whole start.
    """

    name: str
    prepare: Callable[[], ServiceSpec]
    needs: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    is_task: bool = False
    required: bool = True


class UnitRun:
    """A unit and what became of it so far; only the supervisor's main thread changes it."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.status = UnitStatus(unit.name, "task" if unit.is_task else "service")
        self.service: Service | None = None
        self.preparing: Future[ServiceSpec] | None = None
        self.waiting: Future[None] | None = None
        self.began = 0.0
        self.ready_since = 0.0
        self.restart_at = 0.0
        self.failures_in_a_row = 0

    @property
    def is_settled(self) -> bool:
        """True when those that need it may start."""
        return self.status.state in {State.READY, State.DONE}


def order_for_stopping(units: Sequence[Unit]) -> list[list[str]]:
    """Groups of units to stop together, those that others rely on last.

    Raises ValueError when a unit relies on one that does not exist, or units rely on each other in a circle.
    """
    names = {unit.name for unit in units}
    relied_on = {unit.name: unit.needs | unit.uses for unit in units}
    unknown = set().union(*relied_on.values()) - names
    if unknown:
        raise ValueError(f"units rely on unknown ones: {', '.join(sorted(unknown))}")
    groups: list[list[str]] = []
    remaining = set(names)
    while remaining:
        group = [name for name in remaining if not any(name in relied_on[other] for other in remaining)]
        if not group:
            raise ValueError(f"units rely on each other in a circle: {', '.join(sorted(remaining))}")
        groups.append(sorted(group))
        remaining.difference_update(group)
    return groups
