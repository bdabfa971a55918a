"""The commands that only tell: status, logs, token, and the summary at the end of `up`."""

import os
import shlex
import sys
from pathlib import Path
from typing import TextIO

import requests

from deploy.local.environment import ADMIN_EMAIL, SCHEDULER_EMAIL
from deploy.local.errors import StackError
from deploy.local.parts import local_dir
from deploy.local.reachable import ReachableStack
from deploy.local.servers.oidc import ACCOUNTS, PASSWORD, OidcLoginFailedError
from deploy.local.stack import Stack
from deploy.local.supervision.status import StackState, StatusFile

EXIT_DOWN = 3
SAMPLE_SLUG = "nyc-flights"


def supervisor_log() -> Path:
    """Where the supervisor itself writes."""
    return local_dir() / "logs" / "supervisor.log"


def show_status() -> int:
    """Print every unit and where it stands; answers 0 when all is well, 1 when not, 3 when it is down."""
    file = StatusFile(local_dir())
    status = file.read()
    if status is None or not file.is_supervised():
        print("The stack is down; 'make up' starts it.")
        return EXIT_DOWN
    print(f"{status.state} (supervisor {status.supervisor_pid})")
    for unit in status.units:
        restarts = f"  restarts: {unit.restarts}" if unit.restarts else ""
        print(f"  {unit.name:<20} {unit.state:<11} {unit.pid or '':>8} {unit.seconds:6.1f} s{restarts}")
    return 0 if status.state is StackState.READY else 1


def show_logs(names: list[str], *, follow: bool, lines: int) -> None:
    """Become `tail` on the logs of the units named, or of all. Raises StackError for an unknown name."""
    status = StatusFile(local_dir()).read()
    paths = {unit.name: Path(unit.log_path) for unit in status.units if unit.log_path} if status else {}
    paths["supervisor"] = supervisor_log()
    unknown = sorted(set(names) - set(paths))
    if unknown:
        raise StackError(f"There is no log of {unknown[0]!r}; there are: {', '.join(sorted(paths))}.")
    chosen = [str(path) for name, path in paths.items() if (not names or name in names) and path.exists()]
    if not chosen:
        raise StackError("There are no logs yet; 'make up' starts the stack.")
    sys.stdout.flush()
    os.execvp("tail", ["tail", "-n", str(lines), *(["-F"] if follow else []), *chosen])  # noqa: S606


def show_token(email: str) -> None:
    """Print an ID token for `Authorization: Bearer`. Raises StackError."""
    print(fetch_token(Stack(), email))


def show_environment(function: str) -> None:
    """Print the exports with which a shell runs one function by itself. Raises StackError.

    What is not used of `.env` is said on standard error: a shell reads the rest.
    """
    stack = Stack()
    for name, value in sorted(stack.build_function_environment(function).items()):
        print(f"export {name}={shlex.quote(value)}")
    show_overruled(stack, sys.stderr)


def show_overruled(stack: Stack, stream: TextIO) -> None:
    """Print what the developer chose and the stack does not use, with the reasons."""
    for sentence in stack.explain_overruled():
        print(f"note: {sentence}", file=stream)


def fetch_token(stack: ReachableStack, email: str) -> str:
    """An ID token of a local account, good for an hour. Raises StackError."""
    if email not in ACCOUNTS:
        raise StackError(f"There is no account {email!r}; there are: {', '.join(ACCOUNTS)}.")
    try:
        return stack.fetch_token(email)
    except OidcLoginFailedError as error:
        raise StackError(f"No token for {email}: {error}") from error
    except requests.RequestException as error:
        raise StackError("The sign-in provider does not answer; 'make up' starts the stack.") from error


def show_summary(stack: Stack) -> None:
    """Print where the stack is and how to sign in."""
    people = [email for email in ACCOUNTS if email != SCHEDULER_EMAIL]
    print(f"\n  {stack.url}/{f'view/{SAMPLE_SLUG}' if stack.has_sample else ''}\n")
    print(f"Sign in as {', '.join(people)}; the password is {PASSWORD}.")
    print(f"For curl, as {ADMIN_EMAIL} for an hour ('make token' prints a new one):\n")
    print(f"TOKEN={fetch_token(stack, ADMIN_EMAIL)}\n")
