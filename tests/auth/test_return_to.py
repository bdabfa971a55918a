"""After signing in, a browser goes to a page of this site and nowhere else."""

import pytest

from shared.auth.login_transaction import clean_return_to


@pytest.mark.parametrize(
    "path", ["/", "/view/nyc-flights", "/view/x?origin=LGA&a=%20b", "/data/x?next=https://x//y"]
)
def test_paths_of_this_site_are_kept(path: str):
    assert clean_return_to(path) == path


@pytest.mark.parametrize(
    "text",
    [None, "", "https://evil.test/", "//evil.test", "///evil.test", "/\\evil.test", "\\\\evil.test",
     "/\t/evil.test", "/\n/evil.test", "javascript:alert(1)", "evil.test", " /x", "/x\r\nSet-Cookie: a=b",
     "/.//evil.test", "/x//y", "/\u2028", "/é", "/auth/logout", "/auth/callback?code=x", "/x#y",
     "/" + "a" * 2000],
)  # fmt: skip
def test_everything_else_becomes_the_front_page(text: str | None):
    assert clean_return_to(text) == "/"
