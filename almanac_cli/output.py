"""What a person sees: tables, diagnostics and errors; or JSON, for programs.

What draws them is loaded when something is drawn: the report of `validate` is plain text.
"""

import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TextIO

from almanac_cli.errors import CliError, InvalidFilesError
from almanac_cli.reports import write_report
from almanac_cli.wording import translate

if TYPE_CHECKING:
    from rich.console import Console

_PIPE_WIDTH = 160
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def make_console(stream: TextIO | None = None) -> "Console":
    """A console on stdout or another stream; wide when nobody looks, so that pipes lose nothing."""
    from rich.console import Console

    target = stream or sys.stdout
    width = None if target.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return Console(file=target, width=width, highlight=False, soft_wrap=False)


def print_json(data: object) -> None:
    """JSON on stdout, indented, in the order the service has it."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, default=str) + "\n")


def print_line(text: str) -> None:
    """One line on stdout."""
    from rich.text import Text

    make_console().print(Text(clean(text)), soft_wrap=True)


def print_problem(text: str) -> None:
    """One red line on stdout."""
    from rich.text import Text

    make_console().print(Text(clean(text), style="red"), soft_wrap=True)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None
) -> None:
    """A table; numbers to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=clean(title) if title else None, title_justify="left", header_style="bold")
    for index, name in enumerate(columns):
        is_number = bool(rows) and all(_is_number(row[index]) for row in rows)
        table.add_column(clean(name), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(_format_cell(value))) for value in row))
    make_console().print(table)


def print_error(error: CliError) -> None:
    """Code, message and what to do, on stderr; above them the diagnostics of files that are not valid."""
    from rich.text import Text

    if isinstance(error, InvalidFilesError):
        write_report(error.results, sys.stderr)
        sys.stderr.write("\n")
    console = make_console(sys.stderr)
    console.print(
        Text.assemble((f"error[{error.code}]", "bold red"), f": {clean(error.message)}"), soft_wrap=True
    )
    for detail in () if error.details_shown else error.details:
        console.print(Text(f"  {clean(_describe_detail(detail))}"), soft_wrap=True)
    if error.remediation:
        console.print(Text(f"  = {clean(translate(error.remediation))}"), soft_wrap=True)
    if error.trace_id:
        console.print(Text(f"  trace {error.trace_id}", style="dim"), soft_wrap=True)


def format_bytes(count: int | None) -> str:
    """Bytes in decimal units, as BigQuery's prices and our budgets are written."""
    if count is None:
        return "-"
    size, unit = float(count), 0
    while abs(size) >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{count} B" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def describe_bytes(count: int | None, accuracy: str = "PRECISE") -> str:
    """A count of bytes that BigQuery may not tell, or only the least of: unknown, or at least so many."""
    if count is None:
        return "unknown"
    return (
        f"at least {format_bytes(count)}" if accuracy in ("LOWER_BOUND", "UNKNOWN") else format_bytes(count)
    )


def format_dollars(amount: str | None) -> str:
    """Dollars from the API's decimal string, without digits that say nothing."""
    if amount is None:
        return "-"
    value = Decimal(amount)
    return f"${value:.2f}" if value >= 1 or value == 0 else f"${value.normalize():f}"


def describe_price(receipt: Mapping[str, Any]) -> str:
    """What a receipt says was paid: dollars, or slot-milliseconds where bytes have no price."""
    if receipt["usd_billed"] is None and receipt["slot_millis"] is not None:
        return f"{receipt['slot_millis']} slot-ms"
    return format_dollars(receipt["usd_billed"])


def format_time(text: str | None) -> str:
    """A time of the API's, in UTC, to the minute."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M") if text else "-"


def clean(text: str) -> str:
    """Text that cannot steer a terminal: control characters but line feeds are made visible."""
    return "".join(
        character
        if character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else " "
        if character == "\t"
        else "\ufffd"
        for character in text
    )


def _format_cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _describe_detail(detail: Mapping[str, Any]) -> str:
    if {"path", "line", "column", "message"} <= detail.keys():
        place = f"{detail['path']}:{detail['line']}:{detail['column']}"
        return f"{place}: {detail.get('code', '')} {detail['message']}. {detail.get('remediation', '')}"
    short = {name: value for name, value in detail.items() if "\n" not in str(value)}
    return ", ".join(f"{name}: {_format_cell(value)}" for name, value in short.items())
