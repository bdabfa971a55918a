"""The value of a constant expression, as partitions are keyed: an integer, or the suffix of a table.

Plain literals and parameters are read here; the rest (DATE_SUB(CURRENT_DATE(), INTERVAL 7 DAY), say) the
emulator evaluates.
"""

from datetime import datetime

from sqlglot import exp

from deploy.local.gate.reading.parameters import Parameters
from deploy.local.gate.reading.partitions import to_micros
from deploy.local.gate.reading.pruning import Constant

_TIMES = ("DATE", "DATETIME", "TIMESTAMP")
_TIME_CASTS = (exp.DType.DATE, exp.DType.DATETIME, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ)


def read_constant(constant: Constant, parameters: Parameters) -> int | str | None:
    """The value of a literal, a typed literal or a scalar parameter; None when it is anything else."""
    text = _text(constant.expression.unnest(), parameters)
    if text is None or constant.type == "STRING":
        return text
    try:
        return to_micros(datetime.fromisoformat(text)) if constant.type in _TIMES else int(text)
    except ValueError:
        return None


def _text(node: exp.Expr, parameters: Parameters) -> str | None:
    if isinstance(node, exp.Literal):
        return str(node.this)
    if isinstance(node, exp.Parameter):
        return parameters.scalar(node.name)
    if isinstance(node, exp.Cast) and node.to.this in _TIME_CASTS and isinstance(node.this, exp.Literal):
        return str(node.this.this)
    if isinstance(node, exp.DateFromParts):
        parts = [node.args["year"], node.args["month"], node.args["day"]]
        if all(isinstance(part, exp.Literal) and part.is_int for part in parts):
            return "{:04}-{:02}-{:02}".format(*(int(part.this) for part in parts))
    return None


def evaluating_sql(constant: Constant) -> str:
    """An expression for the emulator that gives the value, or NULL."""
    match constant.type:
        case "TIMESTAMP":
            return f"UNIX_MICROS(CAST({constant.sql} AS TIMESTAMP))"
        case "DATE" | "DATETIME":
            # Not CAST AS DATE: compared with a DATE column, a DATETIME keeps its time of day.
            return f"UNIX_MICROS(TIMESTAMP(CAST({constant.sql} AS DATETIME)))"
        case _:
            whole = f"CAST({constant.sql} AS INT64)"
            return f"IF(CAST({constant.sql} AS FLOAT64) = {whole}, {whole}, NULL)"
