"""Sign-in, sessions, and who is calling."""

from typing import TYPE_CHECKING

from shared.container.stores import StoreServices
from shared.once import once

if TYPE_CHECKING:
    from shared.auth.accounts import AccountService
    from shared.auth.allowlist import Allowlist
    from shared.auth.authenticator import Authenticator
    from shared.auth.call_limits import CallLimits
    from shared.auth.identity_provider import IdentityProvider
    from shared.auth.sessions import SessionService
    from shared.auth.sign_in import SignInService
    from shared.auth.tokens import IdTokenVerifier


class SignInServices(StoreServices):
    """Builds the services of sign-in, sessions and callers."""

    @once
    def allowlist(self) -> "Allowlist":
        """The allowlist: which addresses and domains may come in, and with which role."""
        from shared.auth.allowlist import Allowlist

        return Allowlist(self.settings)

    @once
    def identity_provider(self) -> "IdentityProvider":
        """The client of the OpenID provider: Google, or the local one."""
        from shared.auth.identity_provider import IdentityProvider

        return IdentityProvider(self.settings, self.clock)

    @once
    def id_token_verifier(self) -> "IdTokenVerifier":
        """The verifier of ID tokens."""
        from shared.auth.tokens import IdTokenVerifier

        return IdTokenVerifier(self.settings, self.identity_provider, self.clock)

    @once
    def sessions(self) -> "SessionService":
        """The service of browser sessions: made, found, ended."""
        from shared.auth.sessions import SessionService

        return SessionService(self.settings, self.database, self.allowlist, self.clock)

    @once
    def accounts(self) -> "AccountService":
        """The service that lets an address be another account of the identity provider."""
        from shared.auth.accounts import AccountService

        return AccountService(self.database, self.sessions)

    @once
    def call_limits(self) -> "CallLimits":
        """The limits on how often somebody may call."""
        from shared.auth.call_limits import CallLimits

        return CallLimits(self.settings, lambda: self.cache)

    @once
    def sign_in(self) -> "SignInService":
        """The service of OpenID Connect's code flow."""
        from shared.auth.oidc import OidcClient
        from shared.auth.sign_in import SignInService

        client = OidcClient(self.settings, self.identity_provider, self.id_token_verifier, self.clock)
        return SignInService(client, self.sessions)

    @once
    def authenticator(self) -> "Authenticator":
        """The authenticator, which finds out who is calling."""
        from shared.auth.authenticator import Authenticator

        return Authenticator(
            self.settings,
            self.database,
            self.allowlist,
            self.sessions,
            # What checks ID tokens is loaded with the first of them: browsers send a cookie.
            lambda token: self.id_token_verifier.verify(token),
            self.clock,
        )
