"""How the program ends: usage errors, broken pipes, full disks and its own faults, each with an exit code."""

import os
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from almanac_cli.errors import CliError, ExitCode, UsageError
from almanac_cli.output import print_error, print_json

DEBUG_VARIABLE = "ALMANAC_DEBUG"
_CREDENTIAL = re.compile(r"(?i)(bearer\s+)[^\s'\"]+")


class ProgramError(CliError):
    """The program, or the machine it runs on, failed."""

    exit_code = ExitCode.FAILED


class Program(TyperGroup):
    """The commands, and what is made of everything they do not answer themselves."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and exit with the code that tells how it went."""
        arguments = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in arguments[: arguments.index("--") if "--" in arguments else None]
        try:
            code = self._run(arguments, prog_name, complete_var, as_json=as_json, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            _abandon_output()
            code = ExitCode.BROKEN_PIPE
        except Exception as error:  # noqa: BLE001 - the last line of defence: a traceback may show a secret
            code = _report_failure(error, as_json=as_json)
        sys.exit(code)

    def invoke(self, ctx: Any) -> Any:
        """Run a command. A reader that went away is no refusal, which is what Typer's exit code would say."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            _abandon_output()
            raise typer.Exit(ExitCode.BROKEN_PIPE) from error

    def _run(
        self,
        arguments: Sequence[str],
        prog_name: str | None,
        complete_var: str | None,
        *,
        as_json: bool,
        **extra: Any,
    ) -> int:
        try:
            return super().main(arguments, prog_name, complete_var, standalone_mode=False, **extra) or 0
        except typer.TyperException as error:
            _show_usage_error(error, as_json=as_json)
            return error.exit_code
        except typer.Abort:
            sys.stderr.write("Aborted.\n")
            return ExitCode.INTERRUPTED


def _show_usage_error(error: typer.TyperException, *, as_json: bool) -> None:
    if as_json:
        described = UsageError(error.format_message(), remediation="See `almanac COMMAND --help`.")
        print_json({"success": False, "error": described.to_dict()})
        return
    from typer.rich_utils import rich_format_error

    rich_format_error(error)  # type: ignore[arg-type]


def _report_failure(error: Exception, *, as_json: bool) -> int:
    """One line. An exception's text may quote what was sent, so only a system error's is shown."""
    if os.environ.get(DEBUG_VARIABLE):
        sys.stderr.write(_CREDENTIAL.sub(r"\1***", "".join(traceback.format_exception(error))))
    failure = ProgramError(
        f"The program failed: {_describe(error)}.",
        code="INTERNAL_ERROR",
        remediation=f"{DEBUG_VARIABLE}=1 shows where.",
    )
    try:
        if as_json:
            print_json({"success": False, "error": failure.to_dict()})
            sys.stdout.flush()
        else:
            print_error(failure)
    except OSError:
        print_error(failure)
    _abandon_output()
    return failure.exit_code


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"


def _abandon_output() -> None:
    """What is buffered cannot be written; the interpreter would try again at its end, and complain."""
    stdout = sys.__stdout__
    if stdout is not None and sys.stdout is stdout:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
