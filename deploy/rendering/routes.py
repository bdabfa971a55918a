"""The routes of every function as JSON, which a function reads when it starts."""

import json
from dataclasses import asdict

from shared.api.manifest import Manifest


def render_routes(manifest: Manifest) -> str:
    """`{function: [{path, methods, auth, role}, …]}`, one route a line."""
    functions = []
    for entry in manifest.functions:
        lines = ",\n    ".join(json.dumps(asdict(route)) for route in entry.routes)
        functions.append(f"  {json.dumps(entry.name)}: [\n    {lines}\n  ]")
    return "{\n" + ",\n".join(functions) + "\n}\n"
