"""What is sent, what is not, and what is shown instead. No service runs: whoever asks one ends with 3."""

from pathlib import Path

import pytest

from almanac_cli.progress import show_progress
from tests.cli.conftest import Program
from tests.fixtures.functions import SHOP

SENDING = [["save"], ["save", "--dry-run"], ["plan"], ["diff"]]
BAD = SHOP.replace("query: names", "query: nmaes")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    return path


@pytest.mark.parametrize("arguments", SENDING)
def test_a_valid_file_is_sent(program: Program, file: Path, arguments: list[str]) -> None:
    program.run(*arguments, str(file), code=3)


@pytest.mark.parametrize("arguments", SENDING)
@pytest.mark.parametrize(
    ("content", "code"),
    [
        # Valid as far as it is read: what lies beyond the bound must not get lost.
        (SHOP.encode() + b"# " + b"x" * 2_000_000 + b"\n", "YAML_TOO_LARGE"),
        (SHOP.encode() + b"# \xff\n", "YAML_ENCODING"),
        (BAD.encode(), "UNKNOWN_QUERY"),
        (b"", "YAML_EMPTY"),
    ],
)
def test_a_file_that_is_not_valid_is_not_sent(
    program: Program, file: Path, arguments: list[str], content: bytes, code: str
) -> None:
    file.write_bytes(content)
    shown = program.run(*arguments, str(file), code=1)
    assert f"error[{code}]" in shown.stdout + shown.stderr
    assert f" --> {file}:" in shown.stdout + shown.stderr


@pytest.mark.parametrize("arguments", SENDING)
def test_it_is_shown_as_validate_shows_it(program: Program, file: Path, arguments: list[str]) -> None:
    file.write_text(BAD)
    report = program.run("validate", str(file), code=1).stdout
    shown = program.run(*arguments, str(file), code=1)
    assert report in shown.stdout + shown.stderr
    answer = program.run_json(*arguments, str(file), code=1)
    found = answer["results"][0]["diagnostics"] if "results" in answer else answer["error"]["details"]
    assert "UNKNOWN_QUERY" in {one["code"] for one in found}


def test_a_sql_file_that_is_too_large_is_not_left_out(program: Program, file: Path) -> None:
    sql = "    sql: |\n      SELECT id, name\n      FROM people WHERE day = @day ORDER BY id\n"
    file.write_text(SHOP.replace(sql, "    file: names.sql\n"))
    (file.parent / "names.sql").write_text("SELECT @day -- " + "x" * 2_000_000)
    assert "error[FILE_UNREADABLE]" in program.run("save", str(file), code=1).stderr


def test_a_file_that_cannot_be_read_is_a_diagnostic(program: Program, file: Path) -> None:
    link = file.parent / "dashboards" / "shop.yaml"
    link.parent.mkdir()
    link.symlink_to(file)
    assert "error[FILE_UNREADABLE]" in program.run("save", str(link.parent), code=1).stderr


def test_two_files_with_one_slug_clash_however_many_there_are(program: Program, tmp_path: Path) -> None:
    for number in range(101):
        (tmp_path / f"shop-{number:03}.yaml").write_text(
            SHOP.replace("slug: shop", f"slug: shop-{number:03}")
        )
    (tmp_path / "zz.yaml").write_text(SHOP.replace("slug: shop", "slug: shop-000"))
    shown = program.run("save", str(tmp_path), code=1).stderr
    assert shown.count("error[DUPLICATE_SLUG]") == 2


def test_what_only_the_service_can_judge_is_left_to_it(program: Program, file: Path) -> None:
    values = ", ".join(f'"2024-{month:02}-{day:02}"' for month in range(1, 5) for day in range(1, 20))
    file.write_text(SHOP.replace('"2024-01-01", "2024-01-02"', values))
    assert "TOO_MANY_VARIANTS" in program.run("validate", str(file), code=1).stdout
    program.run("save", str(file), code=3)


def test_files_and_saved_dashboards_are_not_planned_together(program: Program, file: Path) -> None:
    assert "not both" in program.run("plan", str(file), "--slug", "shop", code=2).stderr


def test_without_a_terminal_a_line_tells_now_and_then_how_far_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = ""
    with show_progress("Planning", "planned", 3, line_seconds=0.01) as advance:
        while "planned 0/3\n" not in shown:
            shown += capsys.readouterr().err
        advance()
        while "planned 1/3\n" not in shown:
            shown += capsys.readouterr().err
    assert capsys.readouterr().out == ""
