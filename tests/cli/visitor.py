"""What a person does in the browser: `python -m tests.cli.visitor EMAIL ADDRESS` signs in with the local provider."""

import sys

import requests

from deploy.local.servers.oidc import PASSWORD, submit_login_form

TIMEOUT_SECONDS = 10


def main(email: str, address: str) -> None:
    """Open the login page, fill in its form, follow it back to where it came from."""
    with requests.Session() as http:
        http.trust_env = False
        page = http.get(address, timeout=TIMEOUT_SECONDS)
        back = submit_login_form(http, page, email, PASSWORD)
        http.get(back, timeout=TIMEOUT_SECONDS).raise_for_status()


if __name__ == "__main__":
    main(*sys.argv[1:])
