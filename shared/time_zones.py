"""Names of time zones, the same on every machine."""

from functools import lru_cache
from zoneinfo import ZoneInfo

TIME_ZONE_FORMAT = "iana-time-zone"
"""What JSON Schemas call such a name: a pattern cannot tell it from others."""

# In the zone database's folder too, and what each means is this machine's own affair, or nobody's.
_NO_PLACES = frozenset({"localtime", "posixrules", "Factory"})
_OTHER_RULES = ("posix/", "right/")


@lru_cache(maxsize=4096)
def is_time_zone(name: str) -> bool:
    """True for a name of the IANA time zone database, such as Europe/Berlin."""
    if name in _NO_PLACES or name.startswith(_OTHER_RULES):
        return False
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
