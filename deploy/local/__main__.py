"""The commands of the local stack: `python -m deploy.local up|down|status|logs|token|env|run`."""

import argparse
import sys

from deploy.local.errors import StackError

EXIT_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answers the exit code. Errors are one sentence on stderr."""
    options = _build_parser().parse_args(arguments)
    try:
        return _run(options)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; the start goes on in the background, 'make down' stops it.", file=sys.stderr)
        return EXIT_INTERRUPTED


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.local", description="The local stack.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="start everything in the background and wait until it serves")
    commands.add_parser("down", help="stop everything")
    commands.add_parser("status", help="show every service")
    logs = commands.add_parser("logs", help="show the ends of the logs")
    logs.add_argument("names", nargs="*", metavar="SERVICE", help="all, when none is named")
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they grow")
    logs.add_argument("-n", "--lines", type=int, default=20, help="how many lines of each (20)")
    token = commands.add_parser("token", help="print an ID token for 'Authorization: Bearer'")
    token.add_argument("email", nargs="?", default="admin@example.com", help="whose (admin@example.com)")
    environment = commands.add_parser("env", help="print the exports that one function runs with")
    environment.add_argument("function", help="such as sql_run")
    commands.add_parser("run", help="supervise in the foreground; 'up' starts this in the background")
    return parser


def _run(options: argparse.Namespace) -> int:
    # Imported here: 'logs' and '--help' should not wait for the modules of the servers.
    from deploy.local.commands import control, reports

    match options.command:
        case "up":
            control.bring_up()
        case "down":
            control.take_down()
        case "status":
            return reports.show_status()
        case "logs":
            reports.show_logs(options.names, follow=options.follow, lines=options.lines)
        case "token":
            reports.show_token(options.email)
        case "env":
            reports.show_environment(options.function)
        case "run":
            return control.run_supervisor()
    return 0


if __name__ == "__main__":
    sys.exit(main())
