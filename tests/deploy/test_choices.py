"""`.env`: what it chooses, and the sentence for each way in which it cannot be used."""

from pathlib import Path

import pytest

from deploy.local.choices import DOTENV, SettingFileError, list_known_names, read_choices
from deploy.settings_doc import SAMPLE


@pytest.fixture(autouse=True)
def _nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list_known_names():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that is read."""
    path = tmp_path / ".env"
    monkeypatch.setenv("ENV_FILE", str(path))
    return path


def refuse(file: Path, text: str) -> str:
    """What is said about this file."""
    file.write_text(text)
    with pytest.raises(SettingFileError) as caught:
        read_choices()
    return str(caught.value)


def test_values_are_read_as_a_shell_reads_them(file: Path) -> None:
    file.write_text(
        '# mine\n\nALLOWED_DATASETS=nyc,sales\nexport MAX_BYTES_PER_QUERY="3 GB"\nLOG_LEVEL=\nPORT_NGINX=9000 # busy\n'
    )
    assert read_choices() == {
        "ALLOWED_DATASETS": "nyc,sales",
        "MAX_BYTES_PER_QUERY": "3 GB",
        "PORT_NGINX": "9000",
    }


def test_the_environment_wins(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("LOG_LEVEL=DEBUG\nALLOWED_DATASETS=sales\n")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    monkeypatch.setenv("ALLOWED_DATASETS", "")
    assert read_choices() == {"LOG_LEVEL": "ERROR", "ALLOWED_DATASETS": "sales"}


def test_the_sample_can_be_copied_as_it_is(file: Path) -> None:
    file.write_text(SAMPLE.read_text())
    assert read_choices()["MAX_BYTES_PER_QUERY"] == "10 GB"


def test_what_other_programs_keep_there_is_left_to_them(file: Path) -> None:
    file.write_text("COMPOSE_PROJECT_NAME=a\nALMANAC_URL=http://localhost:9000\n")
    assert read_choices() == {}


def test_without_a_file_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ENV_FILE", raising=False)
    monkeypatch.setattr("deploy.local.choices.DOTENV", tmp_path / DOTENV.name)
    assert read_choices() == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("LOG_LEVEL=INFO\n\n\nMAX_BYTES_PER_QUERY\n", ".env, line 4: 'MAX_BYTES_PER_QUERY' is not NAME=value."),
        ("\nLOG_LEVEL=\"INFO\n", ".env, line 2: 'LOG_LEVEL=\"INFO' is not NAME=value."),
        ("=1\n", ".env, line 1: '=1' is not NAME=value."),
        (
            "MAX_BYTE_PER_QUERY=1\n",
            ".env, line 1: there is no setting MAX_BYTE_PER_QUERY; did you mean MAX_BYTES_PER_QUERY?",
        ),
        ("QQ=1\n", ".env, line 1: there is no setting QQ; docs/settings.md lists those there are."),
        (
            "\nMAX_BYTES_PER_QUERY=lots\n",
            ".env, line 2: MAX_BYTES_PER_QUERY: 'lots' is not a size; write bytes or a number with KB, MB, GB, TB, "
            "KiB, MiB, GiB or TiB.",
        ),
        ("PORT_OIDC=many\n", ".env, line 1: PORT_OIDC is 'many'; it must be a port number from 1 to 65535."),
        ("STACK=gogle\n", ".env, line 1: STACK is 'gogle'; accepted are local and google."),
        (
            "LOCAL_DIR=/tmp\n",
            ".env, line 1: LOCAL_DIR is read from the environment only: LOCAL_DIR=… make up.",
        ),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_used_is_one_sentence(file: Path, text: str, said: str) -> None:
    assert refuse(file, text) == said


def test_every_value_that_is_not_accepted_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT_NGINX", "0")
    said = refuse(file, "WAREHOUSE_PARALLELISM=many\nBUDGET_TIME_ZONE=Berlin\n").splitlines()
    assert [line.partition(" is ")[0] for line in said] == [
        "PORT_NGINX",
        ".env, line 1: WAREHOUSE_PARALLELISM: 'many'",
        ".env, line 2: BUDGET_TIME_ZONE: 'Berlin'",
    ]


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"LOG_LEVEL=\xff\n")
    with pytest.raises(SettingFileError, match=r"\.env cannot be read: 'utf-8' codec"):
        read_choices()


def test_a_file_that_is_named_and_missing_is_refused(file: Path) -> None:
    with pytest.raises(SettingFileError, match=r"^ENV_FILE names .*/\.env, and there is no such file\.$"):
        read_choices()
