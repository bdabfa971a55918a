"""Signed out, not let in, and where else somebody is signed in."""

import re

import pytest
from playwright.sync_api import expect

from tests.fixtures.stack import VIEWER

pytestmark = pytest.mark.timeout(400)


def test_signing_out_ends_the_session_and_says_so(visitor):
    cookies = {cookie["name"]: cookie["value"] for cookie in visitor.context.cookies()}
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.page.get_by_role("heading", name="You are signed out").wait_for()
    assert "__Host-almanac-session" in cookies
    assert visitor.context.request.get(f"{visitor.stack.url}/auth/session").status == 401
    assert visitor.page.get_by_role("link", name="Sign in again").count() == 1


def test_an_account_that_is_not_on_the_list_is_told_what_to_do(new_visitor):
    visitor = new_visitor()
    visitor.sign_in("outsider@elsewhere.test")
    visitor.page.get_by_role("heading", name="This account is not on the list").wait_for()
    assert "Ask an administrator" in visitor.page.locator("main").inner_text()
    assert not [one for one in visitor.context.cookies() if one["name"] == "__Host-almanac-session"]


def test_a_sign_in_that_the_provider_refused_can_be_tried_again(new_visitor):
    visitor = new_visitor()
    response = visitor.page.goto(f"{visitor.stack.url}/auth/callback?error=%3Cimg%20src%3Dx%3E&state=x")
    assert response.status in {400, 401}
    visitor.page.get_by_role("heading", name="Signing in did not work").wait_for()
    assert visitor.page.locator("img").count() == 0


def test_a_program_gets_the_same_refusal_as_json(stack):
    answer = stack.call("GET", "/auth/callback?code=x&state=y")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["success"] is False


def test_another_session_can_be_ended(new_visitor):
    first, second = new_visitor(), new_visitor()
    for one in (first, second):
        one.sign_in(VIEWER, "/sessions")
        one.page.wait_for_selector(".sessions li")
    first.page.reload()
    first.page.wait_for_selector(".sessions li:nth-child(2)")
    before = first.page.locator(".sessions li").count()
    own = second.context.request.get(f"{second.stack.url}/auth/session").json()["data"]["session_id"]
    first.page.locator(f".sessions [data-session='{own}']").get_by_role("button").click()
    expect(first.page.locator(".sessions li")).to_have_count(before - 1)
    left = first.context.request.get(f"{first.stack.url}/auth/sessions").json()["data"]["results"]
    assert own not in [one["id"] for one in left]


def test_the_own_session_comes_first_and_all_others_can_be_ended_at_once(new_visitor):
    windows = [new_visitor() for _ in range(3)]
    for one in windows:
        one.sign_in(VIEWER, "/sessions")
        one.page.wait_for_selector(".sessions li")
    first = windows[0]
    first.page.reload()
    sessions = first.page.locator(".sessions li")
    expect(sessions.nth(2)).to_be_visible()
    expect(sessions.first).to_contain_text("this one")
    assert re.search(r"Chrome \d+ on Linux", sessions.first.inner_text())
    first.page.get_by_role("button", name="End all others").click()
    expect(sessions).to_have_count(1)
    expect(first.page.get_by_role("button", name="End all others")).to_be_hidden()
    listed = first.context.request.get(f"{first.stack.url}/auth/sessions").json()["data"]["results"]
    assert [one["current"] for one in listed] == [True]


@pytest.mark.parametrize("name", ["not-an-id", "7b0f6f0e-6df5-4a2c-b6a5-0b6f0f1f7f11"])
def test_a_session_of_somebody_else_cannot_be_ended(stack, name):
    answer = stack.call("DELETE", f"/auth/sessions/{name}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
