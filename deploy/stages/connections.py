"""Whether PostgreSQL can take every connection that all instances together may open.

``python -m deploy.stages.connections`` checks every stage.
"""

import sys
from dataclasses import dataclass

from deploy.stage import Stage, load_stages
from shared.api.manifest import Manifest, load_manifest
from shared.settings import Settings

# superuser_reserved_connections is 3; Cloud SQL's own agents, a migration and a person with psql want some too.
RESERVED = 15


@dataclass(frozen=True)
class ConnectionBudget:
    """What a stage may open, and what its server takes beside `RESERVED`."""

    wanted: int
    available: int

    @property
    def fits(self) -> bool:
        """True when no instance ever finds the server full."""
        return self.wanted <= self.available

    def describe(self, stage: Stage) -> str:
        """One line for people."""
        return (
            f"{stage.name}: all instances together may open {self.wanted} connections to PostgreSQL, "
            f"which takes {self.available} (max_connections {stage.database.max_connections}, {RESERVED} kept free)"
        )


def compute_connections(manifest: Manifest, stage: Stage) -> ConnectionBudget:
    """Pool size times instances, over the functions that have the database; one process per instance.

    `max_instances` is the service's bound, old and new revision together.
    """
    chosen = stage.settings.get("DATABASE_POOL_SIZE", Settings.database_pool_size)
    pool_size = Settings(database_pool_size=chosen).database_pool_size
    instances = sum(
        entry.max_instances
        for entry in stage.scale_manifest(manifest).functions
        if "DATABASE_URL" in entry.secrets
    )
    return ConnectionBudget(pool_size * instances, stage.database.max_connections - RESERVED)


def main() -> int:
    """Check every stage; answers the exit code."""
    manifest = load_manifest()
    is_fine = True
    for stage in load_stages():
        budget = compute_connections(manifest, stage)
        print(budget.describe(stage))
        if not budget.fits:
            is_fine = False
            print(
                f"error: raise database.max_connections in deploy/stages/{stage.name}.yaml, or lower "
                "DATABASE_POOL_SIZE or max_instances",
                file=sys.stderr,
            )
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
