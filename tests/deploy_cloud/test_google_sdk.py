"""What the Google Cloud CLI says about the commands and files meant for it, where it is installed."""

import copy
from pathlib import Path

import pytest

from deploy.checks import google_sdk

SDK = google_sdk.find_sdk()
needs_sdk = pytest.mark.skipif(SDK is None, reason="needs the Google Cloud CLI; make check says so, too")


PAGE = """\
Run `gcloud run jobs
   list --region=R` or
```sh
x |
  gcloud a b --c=$D \\
    --e | f
```
not `gcloud`.
"""


def test_commands_are_found_in_code_blocks_and_in_sentences() -> None:
    found = google_sdk.find_commands(PAGE)
    assert set(found) == {"gcloud run jobs list --region=R", "gcloud a b --c=some-value --e"}


def test_every_kind_of_command_is_looked_at_once() -> None:
    commands = google_sdk.list_commands()
    assert sum(command.startswith("gcloud run services replace ") for command in commands) == 1
    assert any(command.startswith("gcloud sql users create ") for command in commands)


def test_without_the_cli_it_says_so_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert google_sdk.main() == 0
    assert "NOT RUN, the Google Cloud CLI is not installed" in capsys.readouterr().out


@pytest.mark.usefixtures("programs")
@needs_sdk
def test_a_flag_or_a_command_gcloud_does_not_know_is_found() -> None:
    faults = list(
        google_sdk.lint(
            [
                "gcloud run services replace x.yaml --region=europe-west1",
                "gcloud run services replace x.yaml --regoin=europe-west1",
                "gcloud run servicess list",
            ]
        )
    )
    assert len(faults) == 2
    assert "--regoin is not known" in faults[0]
    assert "servicess" in faults[1]


@pytest.mark.usefixtures("programs")
@needs_sdk
def test_a_field_google_does_not_know_is_found() -> None:
    assert SDK is not None
    path, (api, version, name, document) = next(iter(google_sdk.load_documents().items()))
    broken = copy.deepcopy(document)
    broken["spec"]["template"]["spec"]["containerConcurency"] = 3
    assert google_sdk.read_documents(SDK, {path: (api, version, name, document)}) == []
    (fault,) = google_sdk.read_documents(SDK, {path: (api, version, name, broken)})
    assert "containerConcurency" in fault
