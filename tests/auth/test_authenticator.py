"""From a cookie or an Authorization header to a principal, and signing in from end to end."""

import copy
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deploy.local.servers.oidc import OidcServer
from deploy.local.supervision.process import pick_free_port
from shared.auth.allowlist import Allowlist
from shared.auth.authenticator import Authenticator
from shared.auth.identity_provider import IdentityProvider
from shared.auth.oidc import OidcClient
from shared.auth.principals import Role
from shared.auth.sessions import SessionService
from shared.auth.sign_in import SignedIn, SignInService
from shared.auth.tokens import IdTokenVerifier
from shared.database.unit_of_work import Database
from shared.environment import SecretStr
from shared.errors import DependencyUnavailableError, ForbiddenError, UnauthenticatedError
from shared.settings import Settings
from tests.auth.conftest import SCHEDULER, Clock, SignToken
from tests.database.builders import disable_user
from tests.fixtures.oidc import Callback, walk_through_login


@pytest.fixture
def sessions(settings: Settings, database: Database, clock: Clock) -> SessionService:
    return SessionService(settings, database, Allowlist(settings), clock)


@pytest.fixture
def authenticator(
    settings: Settings, database: Database, sessions: SessionService, verifier: IdTokenVerifier, clock: Clock
) -> Authenticator:
    return Authenticator(settings, database, Allowlist(settings), sessions, verifier.verify, clock)


@pytest.fixture
def sign_in(oidc_client: OidcClient, sessions: SessionService) -> SignInService:
    return SignInService(oidc_client, sessions)


def _sign_in(service: SignInService, email: str, return_to: str | None = None) -> SignedIn:
    start = service.start(return_to)
    callback = walk_through_login(start.authorization_url, email)
    return _finish(service, callback, start.state_cookie_value)


def _finish(service: SignInService, callback: Callback, cookie: str) -> SignedIn:
    return service.finish(
        code=callback.code,
        state=callback.state,
        cookie=cookie,
        error=callback.error,
        user_agent="Firefox",
        ip="192.0.2.7",
    )


def test_signing_in_gives_a_cookie_that_authenticates(sign_in: SignInService, authenticator: Authenticator):
    done = _sign_in(sign_in, "editor@example.com", "/view/nyc-flights")

    principal = authenticator.authenticate(done.session.token, None)

    assert done.return_to == "/view/nyc-flights"
    assert done.session.max_age_seconds == 7 * 86400
    assert principal is not None
    assert (principal.email, principal.role) == ("editor@example.com", Role.EDITOR)


def test_an_outsider_is_told_so_after_a_perfect_login(sign_in: SignInService):
    with pytest.raises(ForbiddenError, match=r"outsider@elsewhere\.test is not on the allowlist"):
        _sign_in(sign_in, "outsider@elsewhere.test")


def test_without_any_credential_there_is_nobody(authenticator: Authenticator):
    for nothing in (None, ""):
        assert authenticator.authenticate(nothing, nothing) is None


def test_a_bearer_token_and_a_cookie_of_one_person_are_one_user(
    sign_in: SignInService, authenticator: Authenticator, oidc_server: OidcServer
):
    by_cookie = authenticator.authenticate(_sign_in(sign_in, "viewer@example.com").session.token, None)
    by_bearer = authenticator.authenticate(
        None, f"bearer  {oidc_server.fetch_id_token('viewer@example.com')} "
    )

    assert by_cookie is not None
    assert by_bearer is not None
    assert by_bearer.user_id == by_cookie.user_id is not None
    assert (by_bearer.via, by_bearer.session_id) == ("bearer", None)


def test_the_scheduler_is_a_service_account_without_a_user(
    authenticator: Authenticator, oidc_server: OidcServer, database: Database
):
    principal = authenticator.authenticate(None, f"Bearer {oidc_server.fetch_id_token(SCHEDULER)}")

    assert principal is not None
    assert (principal.kind, principal.user_id, principal.role) == ("service_account", None, Role.VIEWER)
    with database.begin() as work:
        assert work.users.get_by_emails([SCHEDULER]) == {}


def test_another_service_account_is_an_outsider(authenticator: Authenticator, sign_token: SignToken):
    token = sign_token(email="other@local.iam.gserviceaccount.com")
    with pytest.raises(ForbiddenError, match="not on the allowlist"):
        authenticator.authenticate(None, f"Bearer {token}")


def test_a_bad_bearer_token_is_not_saved_by_a_good_cookie(
    sign_in: SignInService, authenticator: Authenticator, sign_token: SignToken
):
    cookie = _sign_in(sign_in, "viewer@example.com").session.token
    with pytest.raises(UnauthenticatedError, match="meant for"):
        authenticator.authenticate(cookie, f"Bearer {sign_token(aud='somebody-else')}")


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "token", "Bearer a b", "\udc80"])
def test_an_unreadable_authorization_header_is_refused(authenticator: Authenticator, header: str):
    with pytest.raises(UnauthenticatedError, match="accepted: 'Bearer <ID token>'"):
        authenticator.authenticate(None, header)


def test_an_oversized_bearer_token_is_refused(authenticator: Authenticator):
    with pytest.raises(UnauthenticatedError, match="longer than 16384"):
        authenticator.authenticate(None, "Bearer " + "a" * 20_000)


def test_a_session_token_is_not_a_bearer_token(sign_in: SignInService, authenticator: Authenticator):
    token = _sign_in(sign_in, "viewer@example.com").session.token
    with pytest.raises(UnauthenticatedError, match="not a signed JSON Web Token"):
        authenticator.authenticate(None, f"Bearer {token}")


def test_a_disabled_user_with_a_good_token_is_out_within_the_bound(
    authenticator: Authenticator, sign_token: SignToken, database: Database, clock: Clock
):
    header = f"Bearer {sign_token()}"
    principal = authenticator.authenticate(None, header)
    assert principal is not None
    assert principal.user_id is not None
    disable_user(database, principal.user_id, clock())

    assert authenticator.authenticate(None, header) == principal
    clock.advance(seconds=5.1)
    with pytest.raises(ForbiddenError, match="disabled"):
        authenticator.authenticate(None, header)


def test_a_remembered_token_ends_with_its_expiry(
    settings: Settings,
    database: Database,
    sessions: SessionService,
    verifier: IdTokenVerifier,
    clock: Clock,
    sign_token: SignToken,
):
    patient = copy.replace(settings, session_cache_seconds=3600)
    authenticator = Authenticator(patient, database, Allowlist(settings), sessions, verifier.verify, clock)
    header = f"Bearer {sign_token(exp=int(time.time()) + 20)}"
    assert authenticator.authenticate(None, header)
    clock.advance(seconds=81)
    with pytest.raises(UnauthenticatedError, match="expired"):
        authenticator.authenticate(None, header)


def test_sessions_outlive_an_outage_of_the_provider(
    settings: Settings, database: Database, sessions: SessionService, sign_in: SignInService, clock: Clock
):
    cookie = _sign_in(sign_in, "viewer@example.com").session.token
    gone = copy.replace(settings, oidc_discovery_url=f"http://127.0.0.1:{pick_free_port()}/")
    provider = IdentityProvider(gone, clock)
    verifier = IdTokenVerifier(gone, provider, clock)
    authenticator = Authenticator(gone, database, Allowlist(gone), sessions, verifier.verify, clock)

    assert authenticator.authenticate(cookie, None)
    with pytest.raises(DependencyUnavailableError, match="cannot be used"):
        authenticator.authenticate(None, "Bearer eyJhbGciOiJSUzI1NiJ9.e30.x")
    with pytest.raises(DependencyUnavailableError, match="cannot be used"):
        SignInService(OidcClient(gone, provider, verifier, clock), sessions).start("/")


def test_without_postgresql_callers_get_a_quick_503(
    settings: Settings, verifier: IdTokenVerifier, clock: Clock
):
    url = f"postgresql+pg8000://almanac:almanac@127.0.0.1:{pick_free_port()}/almanac"
    changed = copy.replace(settings, database_url=SecretStr(url))
    database, allowlist = Database(changed), Allowlist(changed)
    sessions = SessionService(changed, database, allowlist, clock)
    authenticator = Authenticator(changed, database, allowlist, sessions, verifier.verify, clock)

    started = time.monotonic()
    with pytest.raises(DependencyUnavailableError, match="PostgreSQL"):
        authenticator.authenticate("A" * 43, None)
    assert time.monotonic() - started < 4


@pytest.mark.usefixtures("programs")
def test_a_session_cookie_needs_none_of_the_token_libraries():
    program = (
        "import sys, shared.auth.authenticator, shared.auth.sessions, shared.auth.sign_in;"
        "heavy = {'authlib', 'joserfc', 'requests', 'cryptography', 'idna', 'flask'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
