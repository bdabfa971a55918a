"""Parameter values: from YAML or from a URL to one canonical JSON value per BigQuery type.

This module is imported by the function that serves data: it needs the standard library only.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

type ScalarValue = str | int | float | bool
type ParameterValue = ScalarValue | list[ScalarValue]

MAX_TEXT_LENGTH = 10_000
MAX_ARRAY_LENGTH = 1_000
MAX_SAFE_INTEGER = 2**53 - 1
"""Number.MAX_SAFE_INTEGER of ECMAScript."""
EMPTY_LIST = "~empty"
"""How an address says that a list has no values; without any text it says the default."""


class ParameterValueError(ValueError):
    """A value does not fit its BigQuery type; the message says what is accepted.

    `index` is the position of the offending element when the value is a list, else None.
    """

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index


@dataclass(frozen=True)
class TypedValue:
    """A canonical value with the BigQuery type it is bound as."""

    type: str
    value: ParameterValue


def element_type(parameter_type: str) -> str | None:
    """The element type of `ARRAY<…>`, or None for a scalar type."""
    if parameter_type.startswith("ARRAY<"):
        return parameter_type.removeprefix("ARRAY<").removesuffix(">")
    return None


def parse_parameter_value(parameter_type: str, value: object) -> ParameterValue:
    """The canonical value of `value` as YAML or JSON gave it.

    STRING, DATE, DATETIME, TIME, TIMESTAMP (UTC, ending in Z), NUMERIC, BIGNUMERIC and BYTES (base64) become
    strings, INT64 an int, FLOAT64 a float, BOOL a bool, ARRAY a list. Raises ParameterValueError.
    """
    element = element_type(parameter_type)
    if element is None:
        return _parse_scalar(parameter_type, value)
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise ParameterValueError(f"expected a list of {element} values, got {_describe(value)}")
    if len(value) > MAX_ARRAY_LENGTH:
        raise ParameterValueError(f"a list holds at most {MAX_ARRAY_LENGTH} values, got {len(value)}")
    return [_parse_element(element, item, index) for index, item in enumerate(value)]


def parse_parameter_text(parameter_type: str, texts: Sequence[str]) -> ParameterValue:
    """The canonical value of the texts a URL gave for one parameter (`?tag=a&tag=b` gives two).

    A scalar takes exactly one text, an ARRAY any number, and `~empty` alone for none. A text's own `~` at its
    beginning is doubled. Raises ParameterValueError.
    """
    element = element_type(parameter_type)
    if element is not None and list(texts) == [EMPTY_LIST]:
        return []
    texts = [text.removeprefix("~") if text.startswith("~~") else text for text in texts]
    if element is not None:
        return parse_parameter_value(parameter_type, [_read_text(element, text) for text in texts])
    if len(texts) != 1:
        raise ParameterValueError(f"expected one {parameter_type} value, got {len(texts)}")
    return _parse_scalar(parameter_type, _read_text(parameter_type, texts[0]))


def restore_value(parameter_type: str, value: ParameterValue) -> ParameterValue:
    """The canonical value again: PostgreSQL writes 1e300 with all its digits, which JSON reads as a whole number."""
    if (element_type(parameter_type) or parameter_type) != "FLOAT64":
        return value
    return parse_parameter_value(parameter_type, value)


def hold_exactly(value: ParameterValue) -> ParameterValue:
    """The value as JavaScript can hold it: a whole number beyond 2^53 as its text, which addresses take as well."""
    if isinstance(value, list):
        return [_hold_scalar(one) for one in value]
    return _hold_scalar(value)


def _hold_scalar(value: ScalarValue) -> ScalarValue:
    return str(value) if isinstance(value, int) and abs(value) > MAX_SAFE_INTEGER else value


def type_values(types: Mapping[str, str], values: Mapping[str, ParameterValue]) -> dict[str, TypedValue]:
    """Values joined with their types, by name; `values` must hold every name of `types`."""
    return {name: TypedValue(parameter_type, values[name]) for name, parameter_type in types.items()}


def _read_text(scalar_type: str, text: str) -> object:
    """A URL's text as the JSON value the type would be written as, or the text when it is not one."""
    if scalar_type == "INT64" and _INTEGER.fullmatch(text):
        return int(text)
    if scalar_type == "FLOAT64" and _DECIMAL.fullmatch(text):
        return float(text)
    if scalar_type == "BOOL":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _parse_element(scalar_type: str, value: object, index: int) -> ScalarValue:
    try:
        return _parse_scalar(scalar_type, value)
    except ParameterValueError as error:
        raise ParameterValueError(error.message, index) from error


def _parse_scalar(scalar_type: str, value: object) -> ScalarValue:
    if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
        raise ParameterValueError(f"a value holds at most {MAX_TEXT_LENGTH} characters, got {len(value)}")
    return _PARSERS[scalar_type](value)


def _parse_string(value: object) -> str:
    if not isinstance(value, str):
        raise ParameterValueError(f"expected text, got {_describe(value)}; write it in quotes")
    if "\0" in value:
        raise ParameterValueError("text must not hold the character U+0000")
    return value


def _parse_int64(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ParameterValueError(f"expected a whole number, got {_describe(value)}")
    if not -(2**63) <= value < 2**63:
        raise ParameterValueError(f"{value} is outside INT64, which ends at {2**63 - 1}")
    return value


def _parse_float64(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParameterValueError(f"expected a number, got {_describe(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ParameterValueError("expected a finite number")
    return number


def _parse_bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ParameterValueError(f"expected true or false, got {_describe(value)}")
    return value


def _decimal_parser(name: str, integer_digits: int, scale: int) -> Callable[[object], str]:
    def parse(value: object) -> str:
        text = repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        if not isinstance(text, str) or len(text) > 200 or not _DECIMAL.fullmatch(text.strip()):
            raise ParameterValueError(f"expected a decimal number such as '12.50', got {_describe(value)}")
        try:
            plain = _plain_decimal(text.strip())
        except InvalidOperation as error:
            raise ParameterValueError(f"{text} is not a decimal number") from error
        whole, _, fraction = plain.lstrip("-").partition(".")
        if len(whole) > integer_digits or len(fraction) > scale:
            raise ParameterValueError(
                f"{text} does not fit {name}: {integer_digits} digits before and {scale} after the point"
            )
        return plain

    return parse


def _plain_decimal(text: str) -> str:
    number = Decimal(text)
    if abs(number.adjusted()) > 200:
        raise InvalidOperation
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    sign, digits = ("-", plain[1:]) if plain.startswith("-") else ("", plain.lstrip("+"))
    digits = digits.lstrip("0") or "0"
    digits = "0" + digits if digits.startswith(".") else digits
    return digits if digits == "0" else sign + digits


def _parse_date(value: object) -> str:
    text = _match(value, _DATE, "a date such as '2013-01-31'")
    return _read_iso(text, date.fromisoformat).isoformat()


def _parse_datetime(value: object) -> str:
    text = _match(value, _DATETIME, "a date and time such as '2013-01-31T06:00:00', without a zone")
    return _read_iso(text, datetime.fromisoformat).isoformat()


def _parse_time(value: object) -> str:
    text = _match(value, _TIME, "a time such as '06:00:00'")
    return _read_iso(text, time.fromisoformat).isoformat()


def _parse_timestamp(value: object) -> str:
    text = _match(value, _TIMESTAMP, "a point in time such as '2013-01-31T06:00:00Z'")
    moment = _read_iso(re.sub(r" ?(UTC|Z|z)$", "+00:00", text), datetime.fromisoformat)
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ParameterValueError(f"{text!r} is outside the years 0001 to 9999") from error
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _parse_bytes(value: object) -> str:
    if not isinstance(value, str):
        raise ParameterValueError(f"expected base64 text, got {_describe(value)}")
    try:
        return base64.b64encode(base64.b64decode(value, validate=True)).decode()
    except (binascii.Error, ValueError) as error:
        raise ParameterValueError("expected base64 text such as 'aGVsbG8='") from error


def _match(value: object, pattern: re.Pattern[str], accepted: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value.strip()):
        raise ParameterValueError(f"expected {accepted}, got {_describe(value)}")
    return value.strip()


def _read_iso[T](text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise ParameterValueError(f"{text!r} does not exist: {error}") from error


def _describe(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value) if isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**64) else ""
    if isinstance(value, str):
        text = repr(value if len(value) <= 60 else value[:57] + "...")
    return text or "a number"


_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
_CLOCK = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(_CLOCK)
_DATETIME = re.compile(rf"{_DATE.pattern}([T ]{_CLOCK})?")
_TIMESTAMP = re.compile(rf"{_DATETIME.pattern}( ?(UTC|Z|z|[-+][0-9]{{2}}:[0-9]{{2}}))?")

_PARSERS: dict[str, Callable[[object], ScalarValue]] = {
    "STRING": _parse_string,
    "INT64": _parse_int64,
    "FLOAT64": _parse_float64,
    "NUMERIC": _decimal_parser("NUMERIC", 29, 9),
    "BIGNUMERIC": _decimal_parser("BIGNUMERIC", 38, 38),
    "BOOL": _parse_bool,
    "DATE": _parse_date,
    "DATETIME": _parse_datetime,
    "TIMESTAMP": _parse_timestamp,
    "TIME": _parse_time,
    "BYTES": _parse_bytes,
}
SCALAR_TYPES: tuple[str, ...] = tuple(_PARSERS)
PARAMETER_TYPES: tuple[str, ...] = (*SCALAR_TYPES, *(f"ARRAY<{name}>" for name in SCALAR_TYPES))
