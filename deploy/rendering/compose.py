"""docker-compose.yml from the manifest: one service per function, as its Cloud Run service would be."""

import re
from pathlib import Path

from deploy.rendering.nginx import CONTAINER_PORT
from shared.api.manifest import FunctionEntry, Manifest

TEMPLATE = Path(__file__).resolve().parents[1] / "compose" / "docker-compose.template.yml"
# The anchors of the template that carry what Secret Manager holds elsewhere.
SECRET_ANCHORS = {
    "DATABASE_URL": "database_url",
    "CACHE_URL": "cache_url",
    "OIDC_CLIENT_SECRET": "oidc_client_secret",
}
_MEMORY = re.compile(r"([0-9]+)([MG])i")


def render_compose(manifest: Manifest) -> str:
    """The text of docker-compose.yml. Raises LookupError for a secret or a memory size that is not known."""
    parts = {
        "@functions@": "\n\n".join(_render_service(entry) for entry in manifest.functions),
        "@nginx_depends_on@": "\n".join(
            f"      {name_service(entry)}: {{condition: service_healthy}}" for entry in manifest.functions
        ),
    }
    text = TEMPLATE.read_text()
    for marker, part in parts.items():
        text = text.replace(marker, part)
    return text


def name_service(entry: FunctionEntry) -> str:
    """The name of a function's container and of its Cloud Run service."""
    return entry.name.replace("_", "-")


def list_environment(entry: FunctionEntry) -> dict[str, str]:
    """What makes the one image into this function: the variables Cloud Run is given as well."""
    return {
        "FUNCTION_TARGET": entry.name,
        "FUNCTION_SOURCE": f"functions/{entry.name}/main.py",
        "THREADS": str(entry.concurrency),
        "WORKERS": "1",
        "CLOUD_RUN_TIMEOUT_SECONDS": str(entry.timeout_seconds),
    }


def _render_service(entry: FunctionEntry) -> str:
    name = name_service(entry)
    merged = ", ".join(f"*{anchor}" for anchor in ["settings", *map(_find_anchor, entry.secrets)])
    own = {**list_environment(entry), "K_SERVICE": name, "PORT": str(CONTAINER_PORT)}
    lines = [
        f"  {name}:",
        "    <<: *function",
        f"    mem_limit: {_convert_memory(entry.memory)}",
        f"    cpus: {entry.cpu:g}",
        "    environment:",
        f"      <<: [{merged}]",
        *(f"      {key}: {_quote(value)}" for key, value in own.items()),
    ]
    return "\n".join(lines)


def _find_anchor(secret: str) -> str:
    if secret not in SECRET_ANCHORS:
        raise LookupError(
            f"deploy/functions.yaml lists the secret {secret}; known: {', '.join(SECRET_ANCHORS)}"
        )
    return SECRET_ANCHORS[secret]


def _convert_memory(size: str) -> str:
    """Cloud Run's `512Mi` as Docker writes it, `512m`."""
    found = _MEMORY.fullmatch(size)
    if found is None:
        raise LookupError(
            f"deploy/functions.yaml says memory {size}; accepted are sizes such as 512Mi or 2Gi"
        )
    return f"{found[1]}{found[2].lower()}"


def _quote(value: str) -> str:
    return f'"{value}"' if value.isdigit() else value
