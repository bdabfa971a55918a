"""The environment of the local functions."""

from pathlib import Path

import pytest

from deploy.local.environment import (
    EMULATOR_DEFAULTS,
    SECRETS,
    Decision,
    build_environment,
    decide_emulator,
    decide_files,
    explain_overruled,
    list_decisions,
    select_environment,
)
from deploy.local.servers.oidc import OidcServer
from deploy.local.stack import Stack
from deploy.settings_doc import SAMPLE, parse_sample
from shared.api.manifest import Manifest, load_manifest
from shared.settings import Settings
from tests.deploy.conftest import Gateway


@pytest.fixture
def decisions(tmp_path: Path) -> list[Decision]:
    """What a stack on some ports decides."""
    own = list_decisions(
        public_url="http://localhost:1",
        database_url="postgresql+pg8000://a:b@127.0.0.1:2/c",
        cache_url="redis://127.0.0.1:3/0",
        oidc=OidcServer(tmp_path / "oidc", 6, ["http://localhost:1/auth/callback"]),
    )
    return [decide_emulator("http://127.0.0.1:4", "127.0.0.1:5"), decide_files(tmp_path), *own]


@pytest.fixture
def environment(decisions: list[Decision]) -> dict[str, str]:
    """What such a stack would hand out; `.env` sets a budget and tries to set an address."""
    chosen = {
        "MAX_BYTES_PER_QUERY": "3 GB",
        "CACHE_URL": "redis://elsewhere",
        "PORT_NGINX": "1",
        "LOG_LEVEL": "",
    }
    return build_environment(EMULATOR_DEFAULTS, chosen, decisions)


def test_every_name_is_a_setting_and_every_value_is_accepted(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(environment) <= set(Settings.list_environment_names())
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.public_url == "http://localhost:1"
    assert settings.allowed_domains == ["example.com"]
    assert settings.allowed_emails == []


def test_a_choice_of_the_developer_counts_unless_the_stack_decides(environment: dict[str, str]) -> None:
    assert environment["MAX_BYTES_PER_QUERY"] == "3 GB"
    assert environment["CACHE_URL"] == "redis://127.0.0.1:3/0"
    assert "PORT_NGINX" not in environment
    assert "LOG_LEVEL" not in environment


@pytest.mark.parametrize(
    ("chosen", "expected"), [({}, "nyc"), ({"ALLOWED_DATASETS": "nyc,sales"}, "nyc,sales")]
)
def test_the_sample_may_be_read_unless_the_developer_says_what_may(
    decisions: list[Decision], chosen: dict[str, str], expected: str
) -> None:
    assert build_environment(EMULATOR_DEFAULTS, chosen, decisions)["ALLOWED_DATASETS"] == expected


def test_what_is_not_used_is_said_once_with_its_reason(decisions: list[Decision]) -> None:
    chosen = {
        "CACHE_URL": "redis://elsewhere",
        "ADMIN_EMAILS": "me@example.com",
        "ALLOWED_DOMAINS": "example.org",
        "MAX_BYTES_PER_QUERY": "3 GB",
    }
    assert explain_overruled(chosen, decisions) == [
        "CACHE_URL is not used: the stack starts a Valkey of its own, on PORT_CACHE.",
        "ALLOWED_DOMAINS, ADMIN_EMAILS are not used: a sign-in provider of the stack's own knows the accounts, "
        "on PORT_OIDC.",
    ]


def test_a_copy_of_the_sample_chooses_nothing(decisions: list[Decision]) -> None:
    copied = {entry.name: entry.value for entry in parse_sample(SAMPLE.read_text()) if entry.value}
    assert explain_overruled(copied, decisions) == []


def test_a_function_gets_the_secrets_it_lists_and_no_others(
    environment: dict[str, str], manifest: Manifest
) -> None:
    assert SECRETS & set(select_environment(environment, manifest.get("echo"))) == {"DATABASE_URL"}
    assert SECRETS & set(select_environment(environment, manifest.get("missing"))) == set()


def test_the_manifest_of_the_service_lists_only_known_secrets(environment: dict[str, str]) -> None:
    for entry in load_manifest().functions:
        assert select_environment(environment, entry)["PUBLIC_URL"] == "http://localhost:1"


def test_an_unknown_secret_is_refused(environment: dict[str, str], manifest: Manifest) -> None:
    entry = manifest.get("echo").model_copy(update={"secrets": ("API_KEY",)})
    with pytest.raises(LookupError, match=r"^echo lists unknown secrets in .*functions\.yaml: API_KEY$"):
        select_environment(environment, entry)


def test_a_function_runs_with_the_limits_of_its_entry(gateway: Gateway) -> None:
    seen = gateway.call("/things").json()["environment"]
    assert seen["FUNCTION_TARGET"] == "echo"
    assert seen["K_SERVICE"] == "echo"
    assert seen["THREADS"] == "4"
    assert seen["CLOUD_RUN_TIMEOUT_SECONDS"] == "1"


@pytest.mark.parametrize(
    ("datasets", "has_sample"),
    [("nyc,sales", True), ("local.nyc", True), ("sales", False), ("other.nyc", False)],
)
def test_the_sample_is_left_out_where_its_dataset_may_not_be_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, datasets: str, has_sample: bool
) -> None:
    monkeypatch.setenv("LOCAL_DIR", str(tmp_path))
    monkeypatch.setenv("ALLOWED_DATASETS", datasets)
    tasks = {unit.name for unit in Stack().build_units() if unit.is_task}
    assert tasks == ({"migrate", "sample-data", "sample-dashboards"} if has_sample else {"migrate"})
