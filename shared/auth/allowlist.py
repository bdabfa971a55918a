"""Who may sign in, and with which role: the lists in the environment."""

import string
from collections.abc import Iterable
from dataclasses import dataclass

from shared.auth.principals import IdTokenClaims, Role
from shared.errors import ForbiddenError
from shared.settings import Settings

MAX_EMAIL_LENGTH = 320
GOOGLE_ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
_DOMAIN_CHARACTERS = frozenset(string.ascii_lowercase + string.digits + "-._")
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def normalize_email(text: str) -> str:
    """`text` in the one spelling used for comparing and storing: lower case, the domain in its ASCII form.

    Only A-Z of the local part is lowered: Unicode's rules would turn the Kelvin sign into a `k` and so make
    two mailboxes one. Raises ValueError when it is not an address.
    """
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or len(text) > MAX_EMAIL_LENGTH or not text.strip().isprintable() or " " in local:
        raise ValueError(f"{text[:80]!r} is not an email address")
    return f"{local.translate(_ASCII_LOWER)}@{normalize_domain(domain)}"


def normalize_domain(text: str) -> str:
    """`text` in lower case and in its ASCII form (IDNA 2008). Raises ValueError when it is not a domain."""
    domain = text.strip().removesuffix(".")
    if not domain.isascii():
        # Rarely needed, so not imported by every cold start. Python's own codec is IDNA 2003, in which
        # faß.de is fass.de: somebody else's domain.
        import idna

        try:
            return idna.encode(domain, uts46=True).decode().lower()
        except idna.IDNAError as error:
            raise ValueError(f"{text[:80]!r} is not a domain: {error}") from error
    if not domain or not set(domain.lower()) <= _DOMAIN_CHARACTERS or domain.startswith((".", "-")):
        raise ValueError(f"{text[:80]!r} is not a domain")
    return domain.lower()


@dataclass(frozen=True)
class _AddressList:
    """Addresses and whole domains; `everyone` is the `*` entry."""

    addresses: frozenset[str]
    domains: frozenset[str]
    everyone: bool = False

    def __contains__(self, email: object) -> bool:
        return isinstance(email, str) and (
            self.everyone or email in self.addresses or email.rpartition("@")[2] in self.domains
        )


def _read_entries(entries: Iterable[str]) -> _AddressList:
    addresses, domains, everyone = set(), set(), False
    for entry in entries:
        if entry == "*":
            everyone = True
        elif entry.startswith("@"):
            domains.add(normalize_domain(entry[1:]))
        else:
            addresses.add(normalize_email(entry))
    return _AddressList(frozenset(addresses), frozenset(domains), everyone)


class Allowlist:
    """The sign-in rules of one environment.

    Raises ValueError for settings that are not addresses or domains.
    """

    def __init__(self, settings: Settings) -> None:
        self._addresses = frozenset(map(normalize_email, settings.allowed_emails))
        self._domains = frozenset(
            normalize_domain(entry.removeprefix("@")) for entry in settings.allowed_domains
        )
        self._admins = _read_entries(settings.admin_emails)
        self._editors = _read_entries(settings.editor_emails)
        self._service_accounts = frozenset(map(normalize_email, settings.service_account_emails))

    def allows(self, email: str) -> bool:
        """True when the normalised address may use the service."""
        return email in self._addresses or email.rpartition("@")[2] in self._domains

    def is_service_account(self, email: str) -> bool:
        """True when the normalised address is one of SERVICE_ACCOUNT_EMAILS."""
        return email in self._service_accounts

    def role_of(self, email: str) -> Role:
        """The role of a normalised address; what nobody granted more is a viewer."""
        if email in self._admins:
            return Role.ADMIN
        return Role.EDITOR if email in self._editors else Role.VIEWER

    def require_allowed(self, email: str) -> None:
        """Raise ForbiddenError unless the normalised address may use the service."""
        if not self.allows(email):
            raise ForbiddenError(
                f"{email} is not on the allowlist of this service.",
                remediation="Ask an administrator to add the address to ALLOWED_EMAILS or its domain to "
                "ALLOWED_DOMAINS, or sign in at /auth/login with another account.",
            )

    def require_admissible(self, claims: IdTokenClaims) -> None:
        """Raise ForbiddenError unless the holder of an ID token may use the service.

        An address that is only allowed through its domain must belong to that domain's Google Workspace:
        anybody can open a personal Google account on a company address and keep it after leaving
        (https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload, `hd`).
        """
        self.require_allowed(claims.email)
        if claims.email in self._addresses or claims.issuer not in GOOGLE_ISSUERS:
            return
        domain = claims.email.rpartition("@")[2]
        if claims.hosted_domain != domain:
            raise ForbiddenError(
                f"{claims.email} is a personal Google account, not one of the Workspace domain {domain}.",
                remediation="Sign in with the account of your organisation, or ask an administrator to add "
                "the address to ALLOWED_EMAILS.",
            )
