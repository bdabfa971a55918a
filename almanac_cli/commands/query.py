"""`run`: one query, guarded, capped, with a receipt."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from almanac_cli.commands.reading import split_parameter
from almanac_cli.context import JsonOption, answering, get_session
from almanac_cli.errors import UsageError
from almanac_cli.output import (
    describe_bytes,
    describe_price,
    format_bytes,
    format_dollars,
    print_json,
    print_line,
    print_table,
)


def run(
    context: typer.Context,
    sql: Annotated[str | None, typer.Argument(help="One SELECT; - reads it from standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the SQL from a file.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Where unqualified tables are looked up.")] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="NAME:TYPE=VALUE, for example day:DATE=2013-07-04."),
    ] = None,
    max_bytes: Annotated[
        str | None, typer.Option("--max-bytes", help="Cap of this query, for example '50 MB'.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", "-n", min=0, max=100, help="Rows to fetch.")] = 20,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would read and cost.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run one query for a few rows, or find out what it would cost."""
    with answering(as_json=as_json):
        body: dict[str, object] = {
            "sql": _read_sql(sql, file),
            "parameters": [_read_parameter(text) for text in parameters or []],
            "dry_run": dry_run,
            "sample_rows": rows,
        }
        optional = {"dataset": dataset, "max_bytes_billed": max_bytes}
        body |= {name: value for name, value in optional.items() if value is not None}
        answer = get_session(context).client.post("/sql/run", body)
        if as_json:
            print_json(answer)
        else:
            _show(answer)


def _read_sql(sql: str | None, file: Path | None) -> str:
    if (sql is None) == (file is None):
        raise UsageError("Give the SQL as an argument, or name a file with --file.")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}.") from error
    return sys.stdin.read() if sql == "-" else str(sql)


def _read_parameter(text: str) -> dict[str, object]:
    """JSON where the type is not text: `n:INT64=3`, `days:ARRAY<STRING>=["a"]`."""
    declared, value = split_parameter(text)
    name, separator, type_name = declared.partition(":")
    if not separator:
        return {"name": name, "type": "STRING", "value": value}
    wants_json = type_name.startswith("ARRAY") or type_name in ("INT64", "FLOAT64", "BOOL")
    try:
        return {"name": name, "type": type_name, "value": json.loads(value) if wants_json else value}
    except ValueError as error:
        raise UsageError(f"{value!r} is not a value of type {type_name}.") from error


def _show(answer: Mapping[str, Any]) -> None:
    receipt = answer["receipt"]
    if answer["dry_run"]:
        fields = [(field["name"], field["type"], field["mode"]) for field in answer["output_schema"]]
        print_table(("column", "type", "mode"), fields)
        print_line(
            f"would read {describe_bytes(receipt['bytes_estimated'], receipt['estimate_accuracy'])}, "
            f"bill {describe_bytes(answer['bytes_billed_expected'], receipt['estimate_accuracy'])}, "
            f"cost {format_dollars(answer['usd_billed_expected'])}; "
            f"cap {format_bytes(answer['cap_bytes'])}; nothing was billed"
        )
        return
    print_table([field["name"] for field in answer["output_schema"]], answer["rows"])
    hit = ", from BigQuery's cache" if receipt["cache_hit"] else ""
    print_line(
        f"{len(answer['rows'])} of {answer['total_rows']} rows; billed {describe_bytes(receipt['bytes_billed'])} "
        f"({describe_price(receipt)}){hit}"
    )
