"""Verdicts for deploy/ci/scan.sh on JSON it is given: the pages' lock file, and what a registry says of an image.

python -m deploy.scan licences <package-lock.json    0 when all that is bundled may be used
python -m deploy.scan image <described.json          0 nothing to repair, 1 something, 3 not looked into yet
"""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

# Permissive ones only, as for the packages of the image.
ALLOWED = frozenset({"MIT", "BSD-3-Clause", "ISC", "Apache-2.0", "PSF-2.0", "Unlicense", "0BSD"})
# https://cloud.google.com/artifact-analysis/docs/reference/rest/v1/projects.occurrences#AnalysisStatus
ENDED = frozenset({"FINISHED_SUCCESS", "COMPLETE"})
FAILED = frozenset({"FINISHED_FAILED", "FINISHED_UNSUPPORTED"})
NOT_YET = 3


def main(what: str) -> int:
    """Judge standard input; answers the exit code."""
    given = json.load(sys.stdin)
    return judge_licences(given) if what == "licences" else judge_image(given)


def judge_licences(lock: Mapping[str, Any]) -> int:
    """Whether all that the pages are bundled from may be used; what only builds them is not sent to anybody."""
    bundled = {
        name.removeprefix("node_modules/"): one.get("license")
        for name, one in lock["packages"].items()
        if name and not one.get("dev") and not one.get("devOptional")
    }
    refused = [f"{name} ({licence})" for name, licence in bundled.items() if licence not in ALLOWED]
    if refused or not bundled:
        print(
            "licences of the pages that are not allowed:",
            ", ".join(refused) or "none is known",
            file=sys.stderr,
        )
        return 1
    print(f"licences: {len(bundled)} packages of the pages, all allowed")
    return 0


def judge_image(described: Mapping[str, Any]) -> int:
    """Whether an image has a critical vulnerability that an update repairs; others do not hold up a release."""
    statuses = set(_list_statuses(described))
    if statuses & FAILED:
        print(f"image: the registry could not look into it: {', '.join(sorted(statuses))}", file=sys.stderr)
        return 1
    if not statuses & ENDED:
        return NOT_YET
    found = described.get("package_vulnerability_summary", {}).get("vulnerabilities", {})
    fixable = [
        one["noteName"] for one in found.get("CRITICAL", ()) if one["vulnerability"].get("fixAvailable")
    ]
    if fixable:
        print("image: critical vulnerabilities that have a fix:", ", ".join(fixable), file=sys.stderr)
        return 1
    print(f"image: no critical vulnerability that has a fix, {sum(map(len, found.values()))} others")
    return 0


def _list_statuses(described: Mapping[str, Any]) -> Iterator[str]:
    for one in described.get("discovery_summary", {}).get("discovery", ()):
        yield one["discovery"].get("analysisStatus", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
