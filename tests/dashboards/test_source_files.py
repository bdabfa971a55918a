"""Dashboards from a folder: the SQL files they name, and nothing from outside."""

import os
from pathlib import Path

import pytest

from shared.dashboards.definition.limits import ValidationLimits
from shared.dashboards.diagnostics.diagnostic import DiagnosticCode
from shared.dashboards.formats.terminal import collect_texts, to_terminal
from shared.dashboards.source_files import SourceFileError, find_dashboards, find_sql_files, load_sources
from shared.dashboards.validation import validate_dashboards
from tests.dashboards.builders import MINIMAL, list_codes

WITH_FILE = MINIMAL.replace('sql: "SELECT day, total FROM sales"', "file: sql/daily.sql")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "dashboards"
    (root / "sql").mkdir(parents=True)
    (root / "sales.yaml").write_text(WITH_FILE)
    (root / "sql" / "daily.sql").write_text("SELECT 1 AS one\n")
    (tmp_path / "secret.sql").write_text("SELECT 'secret'\n")
    return root


def test_a_dashboard_comes_with_the_sql_files_it_names(folder):
    (source,) = load_sources([folder / "sales.yaml"], folder)
    assert source.files == {"sql/daily.sql": "SELECT 1 AS one\n"}
    assert validate_dashboards([source])[0].valid


def test_dashboards_are_found_in_order_and_hidden_folders_passed_over(folder):
    (folder / "a").mkdir()
    (folder / "a" / "x.yml").write_text(MINIMAL)
    (folder / ".git").mkdir()
    (folder / ".git" / "x.yaml").write_text(MINIMAL)
    assert [path.name for path in find_dashboards(folder)] == ["x.yml", "sales.yaml"]


@pytest.mark.parametrize("target", ["../secret.sql", "/etc/passwd"])
def test_a_symbolic_link_that_leads_out_is_not_followed(folder, target):
    (folder / "sql" / "daily.sql").unlink()
    (folder / "sql" / "daily.sql").symlink_to(
        (folder / target).resolve() if target.startswith("..") else target
    )
    (source,) = load_sources([folder / "sales.yaml"], folder)
    assert source.files == {}
    assert list_codes(validate_dashboards([source])[0]) == [DiagnosticCode.FILE_UNREADABLE]


def test_a_linked_folder_that_leads_out_is_not_followed(folder, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "daily.sql").write_text("SELECT 'secret'")
    (folder / "sql" / "daily.sql").unlink()
    (folder / "sql").rmdir()
    (folder / "sql").symlink_to(outside)
    (source,) = load_sources([folder / "sales.yaml"], folder)
    assert source.files == {}
    assert "outside the dashboards folder" in source.file_errors["sql/daily.sql"]


@pytest.mark.parametrize("name", ["../secret.sql", "/etc/passwd", "sql/../../secret.sql"])
def test_unsafe_paths_are_never_opened(folder, name):
    (folder / "sales.yaml").write_text(WITH_FILE.replace("sql/daily.sql", name))
    (source,) = load_sources([folder / "sales.yaml"], folder)
    assert (source.files, source.file_errors) == ({}, {})
    assert list_codes(validate_dashboards([source])[0]) == [DiagnosticCode.FILE_PATH_UNSAFE]


def test_what_is_not_a_plain_utf8_file_of_bounded_size_is_told(folder):
    path = folder / "sql" / "daily.sql"
    limits = ValidationLimits(max_bytes=1_000)
    path.write_bytes(b"\xff\xfe")
    assert "UTF-8" in load_sources([folder / "sales.yaml"], folder, limits)[0].file_errors["sql/daily.sql"]
    path.write_text("x" * 1_001)
    told = load_sources([folder / "sales.yaml"], folder, limits)[0].file_errors["sql/daily.sql"]
    assert told == "it has 1001 bytes; at most 1000 are read"
    path.unlink()
    os.mkfifo(path)
    assert "regular" in load_sources([folder / "sales.yaml"], folder, limits)[0].file_errors["sql/daily.sql"]
    path.unlink()
    assert "exist" in load_sources([folder / "sales.yaml"], folder, limits)[0].file_errors["sql/daily.sql"]


def test_of_a_huge_dashboard_nothing_is_handed_on_but_its_size(folder):
    (folder / "sales.yaml").write_text("x: " + "y" * 4_999_997)
    limits = ValidationLimits(max_bytes=1_000)
    (source,) = load_sources([folder / "sales.yaml"], folder, limits)
    assert (source.text, source.unread_bytes) == ("", 5_000_000)
    results = validate_dashboards([source], limits)
    assert list_codes(results[0]) == [DiagnosticCode.YAML_TOO_LARGE]
    assert results[0].diagnostics[0].message == "the file has 5000000 bytes; at most 1000 are read"
    assert "-->" in to_terminal(results, collect_texts(results), color=False)


def test_a_dashboard_outside_the_folder_is_refused(folder, tmp_path):
    (tmp_path / "other.yaml").write_text(MINIMAL)
    with pytest.raises(SourceFileError, match="outside"):
        load_sources([tmp_path / "other.yaml"], folder)
    with pytest.raises(SourceFileError, match="does not exist"):
        load_sources([folder / "nothing.yaml"], folder)


def test_files_are_named_without_reading_anything():
    assert find_sql_files("f.yaml", WITH_FILE) == ["sql/daily.sql"]
    assert find_sql_files("f.yaml", "queries: [1]") == []
    assert find_sql_files("f.yaml", "[") == []
