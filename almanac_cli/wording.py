"""The service's advice in the words of this program: it names HTTP calls, which nobody types here."""

import re

from almanac_cli.configuration import SIGN_IN

_SLUG = r"[a-z][a-z0-9-]{1,62}"
_WORDINGS = (
    (r"Sign in at /auth/login, or send 'Authorization: Bearer <Google ID token>'\.", SIGN_IN),
    (r"Start again at /auth/login\.", SIGN_IN),
    (r"sign in at /auth/login with another account\.", "sign in with another account: `almanac login`."),
    (
        r"The paths of the API are in /openapi\.json\.",
        "Check --url, and whether the service is as new as this.",
    ),
    (r"Send the csrf_token of GET /auth/session as \S+, or a bearer token\.", SIGN_IN),
    # There is no command for it: docs/operations.md has the call.
    (r"to rebind it: POST /auth/accounts/rebind\.", "to rebind it."),
    # Where the service names both, ours is enough.
    (r"POST /precompute \{[^}]*\}, or: (almanac precompute [^.]+)\.", r"`\1`."),
    (
        rf'POST /precompute \{{"slugs": \["({_SLUG})"\], "force": true\}}\.',
        r"`almanac precompute \1 --force`.",
    ),
    (r'POST /precompute \{"slugs": \[[^\]]*\], "force": true\}\.', "`almanac precompute SLUG --force`."),
    (rf'POST /precompute \{{"slugs": \["({_SLUG})"\]\}}\.', r"`almanac precompute \1`."),
    (r'POST /precompute \{"slugs": \[[^\]]*\]\}\.', "`almanac precompute SLUG`."),
    (rf"GET /dashboards/({_SLUG})/versions\b", r"`almanac versions \1`"),
    (r"GET /dashboards/<slug>/versions\b", "`almanac versions SLUG`"),
    (r"GET /dashboards\b(?!/)", "`almanac list`"),
    (
        r"Correct the request and send it again; the API is described at /openapi\.json\.",
        "Correct it and try again; `almanac COMMAND --help` says what is accepted.",
    ),
    (
        r"Read the current version, merge your change into it and save with its version number\.",
        "Merge what is saved into your file, then save with --expected-version and the number of what is saved.",
    ),
)
_COMPILED = [(re.compile(pattern), replacement) for pattern, replacement in _WORDINGS]


def translate(advice: str) -> str:
    """The advice, with commands where it had calls; what is not known stays as it is."""
    for pattern, replacement in _COMPILED:
        advice = pattern.sub(replacement, advice)
    return advice
