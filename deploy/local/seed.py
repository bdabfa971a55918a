"""Save the dashboards of `dashboards/` and compute them, through the public API like any other client."""

import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
import yaml

from deploy.local.commands.reports import fetch_token
from deploy.local.environment import ADMIN_EMAIL
from deploy.local.errors import StackError
from deploy.local.parts import REPOSITORY
from deploy.local.reachable import ReachableStack

SAMPLES = REPOSITORY / "dashboards"
READ_TIMEOUT_SECONDS = 30
SAVE_TIMEOUT_SECONDS = 300
PRECOMPUTE_TIMEOUT_SECONDS = 1800
UNAVAILABLE_TRIES = 5
_UNAVAILABLE = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
_OUTCOMES = ("refreshed", "skipped_unchanged", "kept_previous", "failed")


def seed(stack: ReachableStack) -> None:
    """Save the samples (unchanged ones make no version) and compute them. Raises StackError."""
    dashboards = read_dashboards(SAMPLES)
    if not dashboards:
        print("there are no dashboards to save")
        return
    with requests.Session() as http:
        http.trust_env = False
        http.headers["Authorization"] = f"Bearer {fetch_token(stack, ADMIN_EMAIL)}"
        if all(is_served(http, stack.url, dashboard) for dashboard in dashboards):
            print(f"{len(dashboards)} dashboards are served already")
            return
        print(f"saving {len(dashboards)} dashboards")
        saved = post_patiently(
            http,
            f"{stack.url}/dashboards/save",
            {"dashboards": dashboards, "message": "Sample dashboards"},
            SAVE_TIMEOUT_SECONDS,
        )
        slugs = [result["slug"] for result in saved["results"]]
        print(f"computing {', '.join(slugs)}")
        computed = post_patiently(
            http, f"{stack.url}/precompute", {"slugs": slugs}, PRECOMPUTE_TIMEOUT_SECONDS
        )
    print(summarize(saved["results"], computed["results"]))


def read_dashboards(folder: Path) -> list[dict[str, Any]]:
    """Every dashboard file below `folder` with the SQL files it names, as the API takes them."""
    paths = sorted(folder.rglob("*.yaml"))
    return [_read_dashboard(path, f"{folder.name}/{path.relative_to(folder)}") for path in paths]


def summarize(saved: list[dict[str, Any]], computed: list[dict[str, Any]]) -> str:
    """One line on what was saved and computed. Raises StackError when something was not computed."""
    problems = [
        f"{one['slug']}: {problem['code']} {problem['message']}"
        for one in computed
        for problem in (*one["problems"], *(query["error"] for query in one["queries"] if query["error"]))
    ]
    if problems:
        raise StackError("\n".join(problems))
    counts = {name: sum(one["totals"][name] for one in computed) for name in _OUTCOMES}
    outcome = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    changed = sum(one["changed"] for one in saved)
    return f"{len(saved)} dashboards ({changed} new versions), queries: {outcome or 'none'}"


def _read_dashboard(path: Path, shown_path: str) -> dict[str, Any]:
    text = path.read_text()
    names = [query["file"] for query in yaml.safe_load(text)["queries"].values() if "file" in query]
    return {
        "path": shown_path,
        "yaml": text,
        "files": {name: (path.parent / name).read_text() for name in names},
    }


def is_served(http: requests.Session, url: str, dashboard: dict[str, Any]) -> bool:
    """True when exactly this dashboard is saved, and its default variant served and not stale.

    Two cheap questions spare a restarted stack the planning of what has not changed.
    """
    slug = yaml.safe_load(dashboard["yaml"])["slug"]
    try:
        saved = http.get(f"{url}/dashboards/{slug}", timeout=READ_TIMEOUT_SECONDS)
        payload = http.get(f"{url}/data/{slug}", timeout=READ_TIMEOUT_SECONDS)
    except requests.RequestException:
        return False  # what is wrong, saving will say
    if not saved.ok or not payload.ok:
        return False
    kept = saved.json()["data"]
    is_same = (kept["yaml"], kept["files"]) == (dashboard["yaml"], dashboard["files"])
    return is_same and not payload.json()["data"]["stale"]


def post_patiently(http: requests.Session, url: str, body: dict[str, Any], timeout_seconds: float) -> Any:
    """The data of an answer; a warehouse that is not ready is asked again. Raises StackError."""
    try:
        answer = http.post(url, json=body, timeout=timeout_seconds)
        # On a busy machine the emulator measures its first table for longer than anybody waits for a plan.
        for _ in range(UNAVAILABLE_TRIES):
            if answer.status_code not in _UNAVAILABLE:
                break
            time.sleep(float(answer.headers.get("Retry-After", 1)))
            answer = http.post(url, json=body, timeout=timeout_seconds)
        envelope = answer.json()
    except requests.RequestException as failure:
        raise StackError(f"POST {url} got no answer: {failure}") from failure
    if envelope["success"]:
        return envelope["data"]
    error = envelope["error"]
    details = f" {error['details']}" if error["details"] else ""
    raise StackError(
        f"POST {url} answered {answer.status_code} {error['code']}: {error['message']} "
        f"{error['remediation']}{details}"
    )
