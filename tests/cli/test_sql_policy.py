"""What `almanac validate` knows of datasets and routines: the environment first, then the nearest pyproject.toml."""

from pathlib import Path

import pytest

from almanac_cli.errors import UsageError
from almanac_cli.sql_policy import find_sql_policy

NAMES = ("ALLOWED_DATASETS", "ALLOWED_ROUTINES", "GOOGLE_CLOUD_PROJECT")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text)
    return folder


def test_nothing_is_known_without_either(tmp_path: Path):
    assert find_sql_policy(write(tmp_path, "[project]\nname = 'x'\n")) is None


def test_the_nearest_file_upwards_says_it(tmp_path: Path):
    write(
        tmp_path,
        '[tool.almanac]\nproject = "acme"\nallowed_datasets = ["nyc"]\nallowed_routines = ["nyc.f"]\n',
    )
    inner = tmp_path / "dashboards"
    inner.mkdir()
    policy = find_sql_policy(inner)
    assert policy is not None
    assert (policy.project, policy.datasets, policy.routines) == ("acme", ("nyc",), ("nyc.f",))


def test_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALLOWED_DATASETS", "a, b.c")
    policy = find_sql_policy(write(tmp_path, '[tool.almanac]\nallowed_datasets = ["nyc"]\n'))
    assert policy is not None
    assert policy.datasets == ("a", "b.c")


@pytest.mark.parametrize(
    "text",
    [
        "[tool.almanac\n",
        "[tool.almanac]\nallowed_datasets = 'nyc'\n",
        "[tool.almanac]\nallowed_datasets = ['a..b']\n",
    ],
)
def test_what_is_no_list_of_datasets_is_a_clear_error(tmp_path: Path, text: str):
    with pytest.raises(UsageError):
        find_sql_policy(write(tmp_path, text))
