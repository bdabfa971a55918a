"""The settings: complete in `.env.sample` and in the docs, and clear about what they refuse."""

import copy
import re
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest
from dotenv import dotenv_values

from deploy.local.ports import Ports, setting_name
from deploy.settings_doc import SAMPLE, main, parse_sample, render_page
from shared import settings as settings_module
from shared.environment import SecretStr, SettingsError, list_kinds
from shared.settings import Environment, Settings

PORTS = {setting_name(field.name): field.default for field in fields(Ports)}
FOLDERS = {"LOCAL_DIR", "PARTS_DIR", "ENV_FILE"}
MODES = {"STACK", "STORAGE"}
ENTRIES = parse_sample(SAMPLE.read_text())


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings().list_environment_names():
        monkeypatch.delenv(name, raising=False)


def test_the_sample_names_every_setting_in_the_order_of_the_class_and_no_other():
    named = [entry.name for entry in ENTRIES if entry.name not in PORTS.keys() | FOLDERS | MODES]
    assert named == list(Settings().list_environment_names())


def test_the_sample_names_every_variable_of_the_local_stack():
    named = [entry.name for entry in ENTRIES if entry.group == "local stack only"]
    assert set(named) == PORTS.keys() | FOLDERS | MODES
    assert len(named) == len(set(named))


def test_the_sample_has_the_groups_of_the_class():
    source = Path(settings_module.__file__).read_text()
    grouped = re.findall(r"^    # --- (.+)$|^    ([a-z_0-9]+): ", source, re.MULTILINE)
    group, expected = "", []
    for title, name in grouped:
        group = title or group
        if name and group:
            expected.append((group, name.upper()))
    assert [
        (entry.group, entry.name) for entry in ENTRIES if entry.name in dict.fromkeys(n for _, n in expected)
    ] == (expected)


def test_the_samples_values_are_the_defaults(monkeypatch):
    defaults = Settings()
    for name, value in dotenv_values(SAMPLE).items():
        assert value is not None, name
        monkeypatch.setenv(name, value)
    assert Settings() == defaults


def test_what_the_sample_leaves_unset_has_no_default():
    unset = {entry.name for entry in ENTRIES if entry.value is None}
    without_default = {
        name for name in Settings.list_environment_names() if getattr(Settings, name.lower()) is None
    }
    assert unset - FOLDERS == without_default


def test_the_samples_ports_are_the_defaults():
    assert {entry.name: int(entry.value) for entry in ENTRIES if entry.name in PORTS} == PORTS


def test_the_sample_reads_the_same_in_a_shell_as_in_the_stack():
    for line in SAMPLE.read_text().splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r'[A-Z][A-Z0-9_]*=("[^"$`\\]*"|[^\s"\'$`\\#&;|<>()]*)', line), line


def test_each_variable_is_explained():
    assert all(len(entry.explanation) > 10 for entry in ENTRIES)


@pytest.mark.parametrize("text", ["A=1", "# --- group\nA=1", "# --- group\n# why\n\nA=1"])
def test_a_variable_without_group_or_explanation_is_refused(text):
    with pytest.raises(ValueError, match="A needs a group and an explanation above it"):
        parse_sample(text)


def test_the_docs_page_is_up_to_date():
    assert main(["--check"]) == 0


def test_the_docs_page_has_a_row_per_variable():
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|", render_page(ENTRIES), re.MULTILINE)
    assert rows == [entry.name for entry in ENTRIES]


def test_an_outdated_page_is_reported_and_then_written(tmp_path, capsys):
    page = tmp_path / "settings.md"
    page.write_text("old")
    assert main(["--check"], page) == 1
    assert capsys.readouterr().err == "out of date: docs/settings.md; run 'python -m deploy.settings_doc'\n"
    assert page.read_text() == "old"
    assert main([], page) == 0
    assert main(["--check"], page) == 0


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MAX_BYTES_PER_QUERY", "lots", "'lots' is not a size; write bytes or a number with KB"),
        ("MAX_BYTES_PER_QUERY", "-1 GB", "is not a size"),
        ("MAX_BODY_BYTES", "0", "out of range"),
        ("MAX_PAYLOAD_BYTES", "big", "is not a size"),
        ("WAREHOUSE_PARALLELISM", "65", "accepted: whole number from 1 to 64"),
        ("WAREHOUSE_PARALLELISM", "many", "'many' is not accepted; accepted: whole number"),
        ("WAREHOUSE_TIMEOUT_SECONDS", "0", "accepted: number above 0"),
        ("WAREHOUSE_TIMEOUT_SECONDS", "nan", "accepted: number above 0"),
        ("DRAIN_SECONDS", "-1", "accepted: number from 0"),
        ("STORAGE_READ_MIN_ROWS", "1.5", "accepted: whole number from 1"),
        ("ENVIRONMENT", "production", "accepted: `local`, `staging`, `prod`"),
        ("PRICE_PER_TIB_USD", "six", "is no price"),
        ("PRICE_PER_TIB_USD", "-1", "is no price"),
        ("PRICE_PER_TIB_USD", "NaN", "is no price"),
        ("OTEL_TRACES_EXPORTER", "otlp\n", "accepted: `console`, `otlp`, `none`"),
        ("BUDGET_TIME_ZONE", "Berlin", "'Berlin' is no IANA time zone"),
        ("BUDGET_TIME_ZONE", "../etc/passwd", "is no IANA time zone"),
        ("PUBLIC_URL", "dashboards.example.com", "is no URL"),
        ("CACHE_TIMEOUT_SECONDS", "0", "accepted: number above 0"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "accepted: `console`, `otlp`, `none`"),
        ("SESSION_IDLE_SECONDS", "5", "accepted: whole number from 60"),
        ("SESSION_CACHE_SECONDS", "-1", "accepted: whole number from 0"),
    ],
)
def test_a_value_that_is_not_accepted_is_refused_by_the_name_of_its_variable(
    monkeypatch, name, value, message
):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings()
    assert caught.value.problems.keys() == {name}
    assert re.search(rf"^{name}: .*{re.escape(message)}", str(caught.value), re.MULTILINE)


def test_every_wrong_value_is_named_at_once(monkeypatch):
    monkeypatch.setenv("MAX_BODY_BYTES", "big")
    monkeypatch.setenv("DATABASE_POOL_SIZE", "0")
    with pytest.raises(SettingsError, match="2 of the settings") as caught:
        Settings()
    assert caught.value.problems.keys() == {"MAX_BODY_BYTES", "DATABASE_POOL_SIZE"}


def test_values_are_read_as_people_write_them(monkeypatch):
    monkeypatch.setenv("MAX_BYTES_PER_QUERY", "1.5 GiB")
    monkeypatch.setenv("ALLOWED_DATASETS", " nyc, other.sales ,,")
    monkeypatch.setenv("PRICE_PER_TIB_USD", "5.00")
    monkeypatch.setenv("PUBLIC_URL", "https://dashboards.example.com/")
    monkeypatch.setenv("environment", "prod")
    monkeypatch.setenv("DATABASE_POOL_SIZE", " 6 ")
    settings = Settings()
    assert settings.public_url == "https://dashboards.example.com"
    assert settings.max_bytes_per_query == 1_610_612_736
    assert settings.allowed_datasets == ["nyc", "other.sales"]
    assert settings.price_per_tib_usd == Decimal(5)
    assert settings.environment is Environment.PROD
    assert settings.database_pool_size == 6


def test_no_secret_shows_in_what_is_printed(monkeypatch):
    secrets = [name for name, kind in list_kinds(Settings).items() if kind is SecretStr]
    databases = {"database_url", "database_writer_url", "database_reader_url"}
    assert databases | {"cache_url", "oidc_client_secret"} == set(secrets)
    for name in secrets:
        monkeypatch.setenv(name.upper(), "redis://:hunter2@host")
    settings = Settings()
    assert "hunter2" not in repr(settings) + str(settings) + f"{settings} {vars(settings)}"


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("BIGQUERY_ENDPOINT", "")
    monkeypatch.setenv("MAX_PAYLOAD_BYTES", "")
    assert Settings().bigquery_endpoint is None
    assert Settings().max_payload_bytes == Settings.max_payload_bytes


def test_a_copy_has_other_values_and_changes_nothing():
    settings = Settings(allowed_datasets=["nyc"])
    changed = copy.replace(settings, max_body_bytes=7)
    assert (changed.max_body_bytes, changed.allowed_datasets) == (7, ["nyc"])
    assert settings.max_body_bytes == Settings.max_body_bytes
    assert changed != settings == copy.replace(changed, max_body_bytes=settings.max_body_bytes)


def test_lists_are_the_settings_own():
    Settings().allowed_emails.append("ana@example.com")
    assert Settings().allowed_emails == []


def test_a_secret_is_equal_to_the_same_secret():
    assert SecretStr("a") == SecretStr("a") != SecretStr("b")
    assert len({SecretStr("a"), SecretStr("a")}) == 1
    assert repr(Settings(oidc_client_secret="a").oidc_client_secret) == "SecretStr('**********')"


@pytest.mark.parametrize(
    ("name", "value"),
    [("public_url", 5), ("budget_time_zone", None), ("oidc_client_secret", None), ("max_body_bytes", 1.5)],
)
def test_what_is_given_in_another_type_is_refused_by_name(name, value):
    with pytest.raises(SettingsError) as caught:
        Settings(**{name: value})
    assert caught.value.problems.keys() == {name.upper()}


def test_settings_are_frozen():
    settings = Settings(max_rows_per_query=10)
    with pytest.raises(AttributeError, match=r"copy\.replace\(settings, max_rows_per_query="):
        settings.max_rows_per_query = 20
    with pytest.raises(AttributeError, match="settings are frozen"):
        del settings.max_rows_per_query
    assert settings.max_rows_per_query == 10
    others = copy.replace(settings, max_rows_per_query=20)
    assert (others.max_rows_per_query, settings.max_rows_per_query) == (20, 10)
