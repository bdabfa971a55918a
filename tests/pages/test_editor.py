"""Writing a dashboard in the browser: findings, preview, plan, saving, and another editor at the same time."""

import subprocess

import pytest
from playwright.sync_api import Page, expect

from tests.fixtures.stack import ADMIN, VIEWER, wait_until
from tests.pages.editor import Editor

pytestmark = pytest.mark.timeout(400)

SLUG, BEGUN = "edited-here", "begun-here"
DASHBOARD = f"""\
version: 1
slug: {SLUG}
title: Edited here
owner: data@example.com
queries:
  numbers:
    sql: |
      SELECT day, day * day AS squared
      FROM UNNEST(GENERATE_ARRAY(1, 10)) AS day
  listed:
    file: sql/listed.sql
charts:
  - id: growth
    title: How it grows
    query: numbers
    mark: bar
    encoding:
      x: {{field: day, type: ordinal}}
      y: {{field: squared, type: quantitative}}
  - {{id: listed, title: All of it, query: listed, type: table}}
"""
LISTED = "SELECT day FROM UNNEST(GENERATE_ARRAY(1, 3)) AS day\n"


def shows_title(page: Page, title: str) -> bool:
    page.reload()
    page.wait_for_selector("#head h1")
    return page.locator("#head h1").inner_text() == title


def save_over_api(stack, yaml: str, **options: object) -> int:
    item = {"yaml": yaml, "files": {"sql/listed.sql": LISTED}, **options}
    answer = stack.call("POST", "/dashboards/save", json={"dashboards": [item]}, email=ADMIN)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["results"][0]["version"]


@pytest.fixture(scope="module", autouse=True)
def own_dashboards(stack):
    """What is written here is not in the list afterwards."""
    yield
    stack.query(f"UPDATE dashboards_index SET deleted_at = now() WHERE slug IN ('{SLUG}', '{BEGUN}')")


@pytest.fixture
def base_version(stack) -> int:
    """The version at which the dashboard is as above, with its rows computed."""
    version = save_over_api(stack, DASHBOARD)
    computed = stack.call("POST", "/precompute", json={"slugs": [SLUG]})
    assert computed.status_code == 200, computed.text
    return version


@pytest.fixture
def editor(visitor, base_version) -> Editor:
    opened = Editor(visitor)
    opened.open(SLUG)
    opened.expect_state(f"Version {base_version}")
    return opened


def test_what_is_wrong_is_shown_on_its_line_and_can_be_mended_there(editor):
    wrong = DASHBOARD.replace("mark: bar", "mark: barr")
    editor.write(wrong)
    line = wrong.splitlines().index("    mark: barr") + 1
    finding = editor.findings.locator("li.error")
    expect(finding).to_have_count(1)
    assert finding.get_by_role("button").inner_text() == f"{line}:11"
    expect(editor.code.locator(".cm-line:has(.cm-lintRange-error)")).to_have_text("    mark: barr")
    editor.page.keyboard.press("F8")
    editor.page.locator(".cm-diagnosticAction").first.click()
    expect(editor.findings.get_by_role("status")).to_have_text("Nothing is wrong")
    expect(editor.code.locator(".cm-lintRange-error")).to_have_count(0)
    assert editor.visitor.complaints == []


def test_what_only_the_warehouse_can_know_is_shown_where_it_stands(editor):
    wrong = DASHBOARD.replace("SELECT day, day * day", "SELECT day, dday * day")
    editor.write(wrong)
    expect(editor.findings.locator("li.error")).to_contain_text("dday")
    before = wrong[: wrong.index("dday")].splitlines()
    place = f"{len(before)}:{len(before[-1]) + 1}"
    assert editor.findings.locator("li.error button").inner_text() == place
    editor.page.get_by_text("known once the warehouse accepts every query").wait_for()


def test_an_edit_is_saved_with_its_difference_and_a_message(editor, base_version, stack):
    editor.write(DASHBOARD.replace("title: Edited here", "title: Edited by hand"))
    editor.expect_state("Not saved")
    editor.page.keyboard.press("ControlOrMeta+s")
    dialog = editor.page.get_by_role("dialog", name="Save")
    assert "+title: Edited by hand" in dialog.get_by_role("region", name="Difference").inner_text()
    dialog.get_by_role("button", name="Keep editing").click()
    editor.save("A better title")
    editor.expect_state(f"Version {base_version + 1}")
    saved = stack.call("GET", f"/dashboards/{SLUG}").json()["data"]
    assert (saved["title"], saved["version"]["message"]) == ("Edited by hand", "A better title")
    assert saved["files"] == {"sql/listed.sql": LISTED}
    editor.page.get_by_role("link", name="View and refresh it").click()
    wait_until(lambda: shows_title(editor.page, "Edited by hand"), 30)  # payloads are cached for seconds
    assert editor.visitor.complaints == []


def test_what_is_computed_is_drawn_anew_for_nothing(editor):
    bars = editor.page.locator("[data-chart=growth] .mark-rect path")
    expect(bars).to_have_count(10)
    editor.write(DASHBOARD.replace("mark: bar", "mark: point"))
    expect(editor.page.locator("[data-chart=growth] .mark-symbol path")).to_have_count(10)
    expect(editor.page.locator("#preview-notice")).to_contain_text("nothing is billed")
    assert "/sql/run" not in editor.calls


def test_a_changed_query_runs_only_when_asked_and_says_what_it_costs(editor):
    editor.write(DASHBOARD.replace("GENERATE_ARRAY(1, 10)", "GENERATE_ARRAY(1, 7)"))
    editor.page.get_by_text("No rows yet for numbers").wait_for()
    expect(
        editor.page.locator("#run-queries")
    ).to_be_disabled()  # until the plan of this text says what it costs
    run = editor.page.get_by_role("button", name="Run 1 query: about 0 B")
    expect(run).to_be_enabled()
    assert "/sql/run" not in editor.calls
    run.click()
    expect(editor.page.locator("[data-chart=growth] .mark-rect path")).to_have_count(7)
    expect(editor.page.locator("#preview-notice")).to_contain_text("Billed 0 B ($0).")
    assert editor.calls.count("/sql/run") == 1


def test_nothing_runs_while_its_cost_is_not_known(editor):
    editor.write(DASHBOARD.replace("GENERATE_ARRAY(1, 10)", "GENERATE_ARRAY(1, 7)").replace("bar", "barr"))
    editor.page.get_by_text("What it costs is known once the file is valid.").wait_for()
    expect(editor.findings.locator("li.error")).to_have_count(1)
    expect(editor.page.locator("#run-queries")).to_be_disabled()


def test_the_plan_follows_the_text(visitor):
    editor = Editor(visitor)
    editor.open("nyc-flights")
    plan = editor.page.locator("#plan")
    expect(plan).to_contain_text("A full refresh")
    expect(plan).to_contain_text("would run nothing: all 12 queries are computed")
    expect(editor.page.locator("[data-chart=delay_by_day] svg")).to_have_count(1)
    text = visitor.stack.call("GET", "/dashboards/nyc-flights").json()["data"]["yaml"]
    editor.write(text.replace("GROUP BY month, hour", "GROUP BY hour, month"))
    expect(plan).to_contain_text("would run 3 of 12 queries")
    expect(editor.page.locator("#run-queries")).to_contain_text("Run 1 query: about 13 MB")
    assert "/sql/run" not in editor.calls


def test_sql_in_a_file_has_a_tab_and_is_saved_with_the_dashboard(editor, base_version, stack):
    editor.page.get_by_role("tab", name="sql/listed.sql").click()
    expect(editor.code).to_contain_text("GENERATE_ARRAY(1, 3)")
    editor.write("SELECT day FROM UNNEST(GENERATE_ARRAY(1, 4)) AS day\n")
    editor.save("One day more")
    editor.expect_state(f"Version {base_version + 1}")
    files = stack.call("GET", f"/dashboards/{SLUG}").json()["data"]["files"]
    assert "GENERATE_ARRAY(1, 4)" in files["sql/listed.sql"]


def test_who_saves_second_sees_both_sides_and_loses_nothing(editor, base_version, stack):
    editor.write(DASHBOARD.replace("How it grows", "How fast it grows"))
    theirs = DASHBOARD.replace("title: Edited here", "title: Edited by somebody else")
    save_over_api(stack, theirs, expected_version=base_version)
    editor.page.keyboard.press("ControlOrMeta+s")
    dialog = editor.page.get_by_role(
        "dialog", name=f"Version {base_version + 1} was saved meanwhile by {ADMIN}"
    )
    expect(dialog.get_by_label("What is saved")).to_contain_text("Edited by somebody else")
    expect(dialog.get_by_label("Your text")).to_contain_text("How fast it grows")
    dialog.get_by_role("button", name="Go on with the right side").click()
    editor.save("Mine after theirs")
    editor.expect_state(f"Version {base_version + 2}")
    versions = stack.call("GET", f"/dashboards/{SLUG}/versions").json()["data"]["results"]
    assert [one["version"] for one in versions[:2]] == [base_version + 2, base_version + 1]
    assert "How fast it grows" in stack.call("GET", f"/dashboards/{SLUG}").json()["data"]["yaml"]


def test_what_was_changed_in_git_becomes_a_version_before_anything_goes_on_top(editor, base_version, stack):
    folder = stack.stack.state_dir / "workdir"
    text = DASHBOARD.replace("title: Edited here", "title: Edited in Git")
    (folder / "dashboards" / SLUG / f"{SLUG}.yaml").write_text(text)
    by_hand = ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-aqm", "by hand"]
    subprocess.run(["git", *by_hand], cwd=folder, check=True)
    editor.write(DASHBOARD.replace("How it grows", "How fast it grows"))
    editor.page.keyboard.press("ControlOrMeta+s")
    dialog = editor.page.get_by_role("dialog", name="Changed outside")
    expect(dialog.get_by_label("What is saved")).to_contain_text("Edited in Git")
    dialog.get_by_role("button", name="Save what is there").click()
    dialog.wait_for(state="detached")
    editor.save("Mine after Git's")
    editor.expect_state(f"Version {base_version + 2}")
    kept = stack.call("GET", f"/dashboards/{SLUG}/versions/{base_version + 1}").json()["data"]
    assert (kept["yaml"], kept["version"]["message"]) == (text, "Changed outside")
    assert "How fast it grows" in stack.call("GET", f"/dashboards/{SLUG}").json()["data"]["yaml"]


def test_leaving_with_unsaved_changes_asks_and_coming_back_finds_them(editor):
    editor.write(DASHBOARD.replace("title: Edited here", "title: Almost lost"))
    editor.expect_state("Not saved")
    asked = []
    editor.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    editor.page.reload()
    editor.page.get_by_text("Your changes from before are back").wait_for()
    assert asked == ["beforeunload"]
    expect(editor.code).to_contain_text("title: Almost lost")
    editor.page.get_by_role("button", name="Undo all changes").click()
    expect(editor.code).to_contain_text("title: Edited here")
    expect(editor.page.locator("#state")).not_to_have_text("Not saved")


def test_a_new_dashboard_begins_valid_and_gets_an_address_when_saved(visitor, stack):
    visitor.page.get_by_role("link", name="New dashboard").click()
    editor = Editor(visitor)
    editor.open("new")
    expect(editor.page.locator("#plan")).to_contain_text("A full refresh")
    editor.write(DASHBOARD.replace(SLUG, BEGUN).replace("file: sql/listed.sql", "sql: SELECT 1 AS one"))
    expect(editor.findings.get_by_role("status")).to_have_text("Nothing is wrong")
    editor.save("Begin")
    editor.expect_state("Version 1")
    assert editor.page.url.endswith(f"/edit/{BEGUN}")
    assert stack.call("GET", f"/dashboards/{BEGUN}").json()["data"]["current_version"] == 1


def test_keys_and_values_are_offered_where_they_may_stand(editor):
    page = editor.page
    editor.code.click()
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.insert_text("  - id: more\n    ti")
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-completionLabel").first).to_have_text("title")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("More\n    query: ")
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-completionLabel")).to_have_text(["listed", "numbers"])
    page.keyboard.press("Escape")
    page.keyboard.insert_text("numbers\n    encoding: {x: {type: te")
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-completionLabel").first).to_have_text("temporal")


def test_a_key_explains_itself_under_the_pointer(editor):
    editor.code.get_by_text("owner", exact=True).first.hover()
    expect(editor.page.locator(".hint")).to_contain_text("Who to ask.")


def test_a_viewer_is_told_who_may_edit(new_visitor, base_version):
    visitor = new_visitor()
    visitor.sign_in(VIEWER, "/edit/edited-here")
    visitor.page.get_by_role("heading", name="Only editors change dashboards").wait_for()
    assert visitor.page.locator("#code").count() == 0


def test_editors_find_the_way_here_from_the_list_and_from_a_dashboard(visitor):
    visitor.open_dashboard("nyc-carriers")
    visitor.page.get_by_role("link", name="Edit", exact=True).click()
    visitor.page.wait_for_url("**/edit/nyc-carriers")
