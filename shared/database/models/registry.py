"""All tables at once, for Alembic; the service imports only the models it uses."""

from shared.database.models import activity, costs, dashboards, leases, lineage, runs, users
from shared.database.models.base import Base

MODULES = (activity, costs, dashboards, leases, lineage, runs, users)
METADATA = Base.metadata
