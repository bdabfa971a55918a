"""A user is an account of the identity provider, not whoever holds an address."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.auth.accounts import AccountService
from shared.auth.allowlist import Allowlist
from shared.auth.authenticator import Authenticator
from shared.auth.principals import Principal
from shared.auth.sessions import SessionService
from shared.auth.tokens import IdTokenVerifier
from shared.database.unit_of_work import Database
from shared.errors import ForbiddenError, UnauthenticatedError
from shared.settings import Settings
from tests.auth.conftest import Clock, SignToken

ADA = "ada@example.com"


class Door:
    """Where people come in, with tokens of their accounts."""

    def __init__(
        self, settings: Settings, database: Database, verifier: IdTokenVerifier, clock: Clock, sign: SignToken
    ) -> None:
        allowlist = Allowlist(settings)
        self.sessions = SessionService(settings, database, allowlist, clock)
        self.accounts = AccountService(database, self.sessions)
        self.authenticator = Authenticator(
            settings, database, allowlist, self.sessions, verifier.verify, clock
        )
        self.verifier = verifier
        self._sign = sign

    def enter(self, email: str, subject: str) -> Principal:
        principal = self.authenticator.authenticate(None, f"Bearer {self._sign(email=email, sub=subject)}")
        assert principal is not None
        return principal

    def open_session(self, email: str, subject: str) -> str:
        claims = self.verifier.verify(self._sign(email=email, sub=subject))
        return self.sessions.create(claims, None, None).token


@pytest.fixture
def door(
    settings: Settings, database: Database, verifier: IdTokenVerifier, clock: Clock, sign_token: SignToken
) -> Door:
    return Door(settings, database, verifier, clock, sign_token)


def find_subject(database: Database, email: str) -> str | None:
    with database.begin() as work:
        return work.users.get_by_emails([email])[email].subject


def test_the_first_sign_in_under_an_address_binds_it(door: Door, database: Database) -> None:
    assert door.enter(ADA, "account-1").user_id == door.enter(ADA, "account-1").user_id
    assert find_subject(database, ADA) == "account-1"


def test_another_account_under_the_address_is_refused_and_logged(
    door: Door, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    door.enter(ADA, "account-1")
    with caplog.at_level(logging.WARNING), pytest.raises(ForbiddenError, match="another account") as caught:
        door.enter(ADA, "account-2")
    assert "/auth/accounts/rebind" in caught.value.remediation
    assert "account-2 is refused: ada@example.com is bound to another" in caplog.text
    with pytest.raises(ForbiddenError):
        door.open_session(ADA, "account-2")
    assert find_subject(database, ADA) == "account-1"


def test_a_user_from_before_accounts_were_bound_is_bound_and_stays_the_same(
    door: Door, database: Database
) -> None:
    before = door.enter(ADA, "account-1").user_id
    with database.begin() as work:
        work.users.unbind([ADA])
    door.open_session(ADA, "account-1")
    with database.begin() as work:
        assert work.users.get_by_emails([ADA])[ADA].id == before
    assert find_subject(database, ADA) == "account-1"


def test_after_a_rebind_the_next_account_is_it_and_the_one_before_is_out(
    door: Door, clock: Clock, database: Database
) -> None:
    user_id = door.enter(ADA, "account-1").user_id
    cookie = door.open_session(ADA, "account-1")
    assert door.accounts.rebind(["Ada@Example.com", "nobody@example.com", "no address"]) == [
        True,
        False,
        False,
    ]
    with pytest.raises(UnauthenticatedError):
        door.authenticator.authenticate(cookie, None)
    assert door.enter(ADA, "account-2").user_id == user_id
    clock.advance(seconds=6)  # what a process believed of the account before
    with pytest.raises(ForbiddenError, match="another account"):
        door.enter(ADA, "account-1")


def test_an_account_that_comes_first_by_several_calls_at_once_is_let_in(door: Door) -> None:
    with ThreadPoolExecutor(4) as pool:
        # Tokens of their own, as one that is remembered would not ask.
        users = list(pool.map(lambda _: door.open_session(ADA, "account-1"), range(4)))
    assert len(set(users)) == 4


def test_of_two_accounts_that_come_first_together_one_is_bound(door: Door, database: Database) -> None:
    def enter(subject: str) -> bool:
        try:
            door.enter(ADA, subject)
        except ForbiddenError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        entered = list(pool.map(enter, [f"account-{number}" for number in range(4)]))
    assert entered.count(True) == 1
    assert find_subject(database, ADA) == f"account-{entered.index(True)}"
