"""Cloud Scheduler's REST API, as much of it as is needed.

https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs
"""

import os
from collections.abc import Iterator
from typing import Any

import google.auth
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

from deploy.schedules.jobs import Change, ChangeKind, Job

ENDPOINT_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDSCHEDULER"
"""The one gcloud reads: https://cloud.google.com/sdk/docs/properties"""
DEFAULT_ENDPOINT = "https://cloudscheduler.googleapis.com/"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TIMEOUT_SECONDS = 30
_PAGE_SIZE = 500


class SchedulerError(Exception):
    """Cloud Scheduler cannot be asked, or refuses."""


class SchedulerApi:
    """Jobs of one location, as whoever Application Default Credentials say. Nothing is sent before a call."""

    def __init__(self, endpoint: str | None = None) -> None:
        self._url = (endpoint or os.environ.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT).rstrip("/") + "/v1"
        self._http: AuthorizedSession | None = None

    def list_jobs(self, parent: str, prefix: str) -> list[Job]:
        """Every job of the location whose name begins with `prefix`. Raises SchedulerError."""
        return [job for job in self._list_all(parent) if job["name"].startswith(prefix)]

    def make_change(self, change: Change) -> None:
        """Create, update or delete one job. Raises SchedulerError."""
        name = change.job["name"]
        if change.kind is ChangeKind.CREATE:
            self._call("POST", name.rpartition("/")[0], json=change.job)
        elif change.kind is ChangeKind.UPDATE:
            self._call("PATCH", name, params={"updateMask": ",".join(change.fields)}, json=change.job)
        else:
            self._call("DELETE", name)

    def _list_all(self, parent: str) -> Iterator[Job]:
        token: str | None = None
        while token != "":
            query = {"pageSize": str(_PAGE_SIZE)} | ({"pageToken": token} if token else {})
            answer = self._call("GET", f"{parent}/jobs", params=query)
            yield from answer.get("jobs", [])
            token = answer.get("nextPageToken", "")

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._session().request(  # type: ignore[no-untyped-call]
                method, f"{self._url}/{path}", timeout=_TIMEOUT_SECONDS, **options
            )
            answer: dict[str, Any] = response.json()
        except GoogleAuthError as error:
            raise SchedulerError(f"not signed in to Google Cloud: {error}") from error
        except requests.RequestException as error:
            raise SchedulerError(f"{method} {path}: Cloud Scheduler cannot be reached ({error})") from error
        if not response.ok:
            raise SchedulerError(f"{method} {path}: {response.status_code} {_read_message(answer)}")
        return answer

    def _session(self) -> AuthorizedSession:
        if self._http is None:
            credentials, _ = google.auth.default(scopes=[_SCOPE])
            self._http = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        return self._http


def _read_message(answer: dict[str, Any]) -> str:
    return str(answer.get("error", {}).get("message", "without a reason"))
