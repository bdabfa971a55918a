"""What each function stands on, as its secrets and roles say; the check after a deployment asks for it."""

import json

from deploy.rendering.access import JOB_ROLE
from shared.api.manifest import FunctionEntry, Manifest


def list_dependencies(entry: FunctionEntry) -> list[str]:
    """Of database, cache, storage and warehouse, those that the function may use."""
    roles = entry.service_account.roles
    has = {
        "database": "DATABASE_URL" in entry.secrets,
        "cache": "CACHE_URL" in entry.secrets,
        "storage": any(role.startswith("roles/storage.") for role in roles),
        "warehouse": JOB_ROLE in roles,
    }
    return [name for name, is_used in has.items() if is_used]


def render_dependencies(manifest: Manifest) -> str:
    """`{function: [dependency, …]}`, one function a line."""
    lines = [
        f"  {json.dumps(entry.name)}: {json.dumps(list_dependencies(entry))}" for entry in manifest.functions
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"
