"""Ask every function, through the router, whether it answers as itself and in the version that was deployed.

``python -m deploy.smoke https://almanac.example.com [--version 2f1c9ab] [--within 120]``

Nobody's credentials are needed: what is public is fetched, and everything else has to refuse in the envelope every
answer has, which names the version. New revisions and routes take a moment, so a wrong answer is asked for again.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import requests

from deploy.rendering.url_map import make_sample_path
from shared.api.manifest import FunctionEntry, Manifest, load_manifest
from shared.api.routes import RouteAuth

CALL_TIMEOUT_SECONDS = 30
PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Probe:
    """One call of a function and the status it is answered with when all is well."""

    function: str
    method: str
    path: str
    status: int


def list_probes(manifest: Manifest) -> list[Probe]:
    """One probe per function: a route that needs a caller, which there is none, or else a public one."""
    return [_make_probe(entry) for entry in manifest.functions]


def _make_probe(entry: FunctionEntry) -> Probe:
    guarded = [route for route in entry.routes if route.auth is not RouteAuth.PUBLIC]
    route = (guarded or entry.routes)[0]
    return Probe(entry.name, route.methods[0], make_sample_path(route.path), 401 if guarded else 200)


def find_fault(url: str, version: str | None, probe: Probe) -> str | None:
    """What is wrong with the answer; None when nothing is."""
    try:
        answer = requests.request(
            probe.method, url + probe.path, timeout=CALL_TIMEOUT_SECONDS, allow_redirects=False
        )
    except requests.RequestException as error:
        return f"{type(error).__name__}: {error}"
    if answer.status_code != probe.status:
        return f"answered {answer.status_code}, not {probe.status}"
    if probe.status != requests.codes.unauthorized:
        return None
    try:
        served = answer.json()["metadata"]["version"]
    except (ValueError, KeyError, TypeError):
        return "answered without the envelope: it is something else that answers"
    return f"serves version {served}, not {version}" if version not in (None, served) else None


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Probe; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.smoke", description="Ask every function whether it is well."
    )
    parser.add_argument("url", help="what browsers use, without a slash at the end")
    parser.add_argument("--version", help="the version every function has to serve")
    parser.add_argument(
        "--within", type=float, default=120, metavar="SECONDS", help="how long to wait for it"
    )
    parsed = parser.parse_args(arguments)
    probes = list_probes(load_manifest())
    faults = find_faults(parsed.url.rstrip("/"), parsed.version, probes, parsed.within)
    for probe, fault in faults.items():
        print(f"error: {probe.function}: {probe.method} {probe.path} {fault}", file=sys.stderr)
    print(f"{len(probes) - len(faults)} of {len(probes)} functions answer as they should")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
