"""What counts as a time zone."""

import pytest

from shared.settings import Settings
from shared.time_zones import is_time_zone


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "US/Eastern", "Etc/GMT+5", "America/Argentina/Ushuaia"]
)
def test_names_of_the_database_are_time_zones(name: str) -> None:
    assert is_time_zone(name)
    assert Settings(budget_time_zone=name).budget_time_zone == name


@pytest.mark.parametrize(
    "name",
    ["localtime", "posixrules", "Factory", "posix/UTC", "right/UTC", "", "Mars/Base", "../etc/passwd", "tzdata.zi",
     "/etc/localtime", "a\0b"],
)  # fmt: skip
def test_what_is_of_one_machine_or_nowhere_is_none(name: str) -> None:
    assert not is_time_zone(name)
    with pytest.raises(ValueError, match="is no IANA time zone; write for example Europe/Berlin"):
        Settings(budget_time_zone=name)
