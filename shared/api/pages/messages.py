"""Pages that only say something: signed out, not let in. They need no script."""

import html
import re

import flask

from shared.api.http_status import HTTP_STATUS
from shared.api.pages.assets import build_html, read_shell
from shared.errors import AlmanacError, ErrorCode, ForbiddenError

_SIGN_IN = "/auth/login?return_to=%2F"
_PLACE = re.compile("@(title|text|remedy|action|href)@")


def build_signed_out_page() -> flask.Response:
    """What is shown after signing out."""
    return _build_message(
        title="You are signed out",
        text="Your session on this browser is ended.",
        remedy="On a shared computer, sign out of your account at the identity provider as well.",
        action="Sign in again",
        href=_SIGN_IN,
    )


def build_missing_page() -> flask.Response:
    """What a person sees at an address that leads nowhere."""
    page = _build_message(
        title="There is nothing here",
        text="This address leads to no page.",
        remedy="It may have a typing error, or lead to something that was renamed.",
        action="All dashboards",
        href="/",
    )
    page.status_code = HTTP_STATUS[ErrorCode.NOT_FOUND]
    return page


def build_sign_in_problem_page(error: AlmanacError) -> flask.Response:
    """Why signing in failed and what to do next, with the status of the error."""
    refused = isinstance(error, ForbiddenError)
    page = _build_message(
        title="This account is not on the list" if refused else "Signing in did not work",
        text=error.message,
        remedy=(
            "Ask an administrator of this service to let your address in, or sign in with another account."
            if refused
            else error.remediation
        ),
        action="Sign in with another account" if refused else "Try again",
        href=_SIGN_IN,
    )
    page.status_code = HTTP_STATUS[error.code]
    page.headers["Cache-Control"] = "no-store"
    return page


def _build_message(**parts: str) -> flask.Response:
    # One pass: what is put in is never read for places again.
    return build_html(_PLACE.sub(lambda found: html.escape(parts[found.group(1)]), read_shell("message")))
