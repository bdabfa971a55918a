"""Which release of the program this is."""

from importlib.metadata import PackageNotFoundError, version


def read_version() -> str:
    """The installed package's version; `dev` where only the source is there."""
    try:
        return version("almanac")
    except PackageNotFoundError:
        return "dev"
