"""The load balancer's URL map: the routes of the manifest, each to its function's backend service.

As `gcloud compute url-maps import` takes it. Path rules know exact paths and a trailing `/*`; the longest that
matches wins, whatever their order (https://cloud.google.com/load-balancing/docs/url-map-concepts). What a path
means exactly the function decides itself, as it does behind any router.
"""

from deploy.rendering.compose import name_service
from deploy.rendering.documents import dump_document
from deploy.rendering.nginx import PAGES
from deploy.stage import Stage
from shared.api.manifest import FunctionEntry, Manifest

NAME = "almanac"


def render_url_map(manifest: Manifest, stage: Stage) -> str:
    """The URL map; its `tests` are one path of every route, and Google refuses a map that fails them.

    Raises ValueError when two functions would need the same rule.
    """
    default = _link(manifest.get(PAGES), stage)
    owners = find_path_owners(manifest)
    rules = [
        {"paths": [path for path, owner in owners.items() if owner is entry], "service": _link(entry, stage)}
        for entry in manifest.functions
    ]
    tests = [
        {"host": stage.domain, "path": make_sample_path(route.path), "service": _link(entry, stage)}
        for entry in manifest.functions
        for route in entry.routes
    ]
    return dump_document(
        {
            "name": NAME,
            "defaultService": default,
            "hostRules": [{"hosts": [stage.domain], "pathMatcher": "routes"}],
            "pathMatchers": [{"name": "routes", "defaultService": default, "pathRules": rules}],
            "tests": tests,
        }
    )


def find_path_owners(manifest: Manifest) -> dict[str, FunctionEntry]:
    """Path rule and the function it leads to."""
    owners: dict[str, FunctionEntry] = {}
    for entry in manifest.functions:
        for route in entry.routes:
            rule = _make_rule(route.path)
            if owners.setdefault(rule, entry) is not entry:
                raise ValueError(
                    f"deploy/functions.yaml: {route.path} of {entry.name} needs the path rule {rule}, which "
                    f"{owners[rule].name} has; a load balancer cannot tell them apart"
                )
    return owners


def make_sample_path(template: str) -> str:
    """A path that the template matches: each parameter replaced by a digit, which all kinds accept."""
    return "/".join("1" if part.startswith("{") else part for part in template.split("/"))


def _make_rule(template: str) -> str:
    literal, parameter, _ = template.partition("{")
    return f"{literal}*" if parameter else template


def name_backend(entry: FunctionEntry) -> str:
    """The backend service of a function; deploy/terraform/balancer.tf makes it."""
    return f"almanac-{name_service(entry)}"


def _link(entry: FunctionEntry, stage: Stage) -> str:
    backend = name_backend(entry)
    return f"https://www.googleapis.com/compute/v1/projects/{stage.project}/global/backendServices/{backend}"
