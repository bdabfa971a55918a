"""Which dashboards are to be refreshed when: from files, or from the service that has them saved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from almanac_cli.client import ServiceClient
from almanac_cli.errors import CliError
from almanac_cli.sources import validate_paths

_PAGE_SIZE = 100


@dataclass(frozen=True)
class ScheduledDashboard:
    """`cron` has five fields and is read in `time_zone`."""

    slug: str
    cron: str
    time_zone: str


def read_folder(folder: Path) -> list[ScheduledDashboard]:
    """The scheduled dashboards below `folder`, by slug. Raises CliError naming the files that are not valid."""
    results = validate_paths([folder])
    if invalid := [result.path for result in results if not result.valid]:
        raise CliError(
            f"Not valid: {', '.join(invalid)}.", remediation=f"Correct them: almanac validate {folder}"
        )
    definitions = (result.parsed.definition for result in results)
    return _sort(
        ScheduledDashboard(one.slug, one.refresh.schedule, one.refresh.time_zone)
        for one in definitions
        if one is not None and one.refresh.schedule
    )


def read_service(client: ServiceClient) -> list[ScheduledDashboard]:
    """The scheduled dashboards the service has, by slug. Raises CliError when it does not answer."""
    return _sort(
        ScheduledDashboard(one["slug"], one["schedule"], one["time_zone"])
        for one in _list_saved(client)
        if one["schedule"]
    )


def _list_saved(client: ServiceClient) -> Iterator[Mapping[str, Any]]:
    page, seen = 1, 0
    while True:
        answer = client.get("/dashboards", page=page, page_size=_PAGE_SIZE)
        yield from answer["results"]
        page, seen = page + 1, seen + len(answer["results"])
        if seen >= answer["total"] or not answer["results"]:
            return


def _sort(dashboards: Iterator[ScheduledDashboard]) -> list[ScheduledDashboard]:
    return sorted(dashboards, key=lambda one: one.slug)
