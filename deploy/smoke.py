"""Ask every function, through the router, whether it answers as itself, in the version that was deployed, and reaches
what it stands on.

``python -m deploy.smoke https://almanac.example.com [--version 2f1c9ab] [--as-stage staging] [--within 120]``

With credentials each function asks its own database, cache, bucket and warehouse (`shared.api.dependency_check`), and
the fault names what did not answer. They are an ID token of an administrator or of a service account: the stage's
scheduler with `--as-stage`, by the Google Cloud CLI, else what SMOKE_TOKEN holds. Without them a function only has to
refuse in the envelope of all answers. New revisions and routes take a moment, so a wrong answer is asked for again.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import requests

from deploy.rendering.url_map import make_sample_path
from deploy.stage import STAGES, load_stage
from deploy.stages.gcloud import Gcloud, GcloudError
from deploy.stages.queries import query_token
from shared.api.manifest import FunctionEntry, Manifest, load_manifest
from shared.api.routes import RouteAuth

CALL_TIMEOUT_SECONDS = 30
PAUSE_SECONDS = 2.0
# Of the routes anybody may read the one that says which version answers.
VERSIONED_PATH = "/openapi.json"


@dataclass(frozen=True)
class Probe:
    """One call of a function and the status it is answered with when all is well; `token` asks for its dependencies."""

    function: str
    method: str
    path: str
    status: int
    token: str | None = None


def list_probes(manifest: Manifest, token: str | None = None) -> list[Probe]:
    """One probe per function: a route that needs a caller, or else a public one."""
    return [_make_probe(entry, token) for entry in manifest.functions]


def _make_probe(entry: FunctionEntry, token: str | None) -> Probe:
    guarded = [route for route in entry.routes if route.auth is not RouteAuth.PUBLIC]
    if not guarded:
        versioned = [route for route in entry.routes if route.path == VERSIONED_PATH]
        return Probe(entry.name, "GET", make_sample_path((versioned or entry.routes)[0].path), 200)
    route = guarded[0]
    status = requests.codes.ok if token else requests.codes.unauthorized
    return Probe(entry.name, route.methods[0], make_sample_path(route.path), status, token)


def find_fault(url: str, version: str | None, probe: Probe) -> str | None:
    """What is wrong with the answer; None when nothing is."""
    headers = (
        {"Authorization": f"Bearer {probe.token}", "X-Almanac-Check": "dependencies"} if probe.token else {}
    )
    try:
        answer = requests.request(
            probe.method,
            url + probe.path,
            headers=headers,
            timeout=CALL_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        return f"{type(error).__name__}: {error}"
    if answer.status_code != probe.status:
        return f"answered {answer.status_code}, not {probe.status}{_explain(answer)}"
    try:
        served = _read_version(answer, probe)
    except (ValueError, KeyError, TypeError):
        return "answered without its version: it is something else that answers"
    return f"serves version {served}, not {version}" if version not in (None, served) else None


def _read_version(answer: requests.Response, probe: Probe) -> str:
    """Of the envelope or the API's description. Raises ValueError, KeyError or TypeError when it has none."""
    document = answer.json()
    return str(document["info" if probe.path == VERSIONED_PATH else "metadata"]["version"])


def _explain(answer: requests.Response) -> str:
    """The reason in the envelope, when there is one."""
    try:
        return f": {answer.json()['error']['message']}"
    except (ValueError, KeyError, TypeError):
        return ""


def find_faults(
    url: str, version: str | None, probes: Sequence[Probe], within_seconds: float
) -> dict[Probe, str]:
    """The probes that are still wrong when the time is over, and why."""
    deadline = time.monotonic() + within_seconds
    with ThreadPoolExecutor(len(probes)) as pool:
        while True:
            answers = pool.map(partial(find_fault, url, version), probes)
            faults = {probe: fault for probe, fault in zip(probes, answers, strict=True) if fault is not None}
            if not faults or time.monotonic() > deadline:
                return faults
            time.sleep(PAUSE_SECONDS)


def find_token(stage: str | None) -> str | None:
    """An ID token of the stage's scheduler, else the one in SMOKE_TOKEN. Raises GcloudError."""
    if stage is None:
        return os.environ.get("SMOKE_TOKEN") or None
    loaded = load_stage(stage)
    token = Gcloud(loaded.project).read_text(query_token(loaded)).strip()
    if not token:
        raise GcloudError(f"gcloud printed no ID token of {loaded.scheduler_email}")
    return token


def main(arguments: Sequence[str] | None = None) -> int:
    """Probe; answers the exit code."""
    parsed = parse_arguments(arguments)
    try:
        token = find_token(parsed.as_stage)
    except GcloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if token is None:
        print("no credentials: what the functions stand on is NOT looked at")
    probes = list_probes(load_manifest(), token)
    faults = find_faults(parsed.url.rstrip("/"), parsed.version, probes, parsed.within)
    for probe, fault in faults.items():
        print(f"error: {probe.function}: {probe.method} {probe.path} {fault}", file=sys.stderr)
    print(f"{len(probes) - len(faults)} of {len(probes)} functions answer as they should")
    return 1 if faults else 0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.smoke", description="Ask every function whether it is well."
    )
    parser.add_argument("url", help="what browsers use, without a slash at the end")
    parser.add_argument("--version", help="the version every function has to serve")
    parser.add_argument("--as-stage", choices=STAGES, help="ask as this stage's scheduler, by gcloud")
    parser.add_argument(
        "--within", type=float, default=120, metavar="SECONDS", help="how long to wait for it"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
