"""YAML 1.2 to plain data and positions, without ever raising on bad input.

PyYAML's event interface gives the marks; the values are read here, because PyYAML itself follows YAML 1.1,
where `on` is true and `2024-01-01` a date. Tags, anchors, aliases and merge keys are refused: they are the
parts of YAML that expand, construct objects or hide where a value comes from.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

import yaml

from shared.dashboards.definition.limits import DEFAULT_LIMITS, ValidationLimits
from shared.dashboards.diagnostics.diagnostic import Diagnostic, DiagnosticCode
from shared.dashboards.yaml.positions import (
    NodePosition,
    PositionMap,
    decode_source,
    join_pointer,
    report_too_large,
)
from shared.dashboards.yaml.report import ReadingReport
from shared.dashboards.yaml.syntax_errors import YAML_PARSER, describe_syntax_error

type PlainValue = str | int | float | bool | None

_CONSTANTS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_FIRST = frozenset("0123456789+-.")
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_OCTAL = re.compile(r"0o[0-7]{1,300}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def read_plain(text: str) -> PlainValue:
    """The value of a plain scalar. A number that JSON cannot carry raises OverflowError."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _FIRST:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _SPECIAL.fullmatch(text):
        raise OverflowError(text)
    if _FLOAT.fullmatch(text):
        return _read_float(text)
    return text


def _read_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise OverflowError(text)
    return number


_SCALAR_STYLES = {None: "plain", "": "plain", "'": "'", '"': '"', "|": "|", ">": ">"}
type YamlData = PlainValue | list[YamlData] | dict[str, YamlData]


@dataclass(frozen=True)
class ReadResult:
    """What reading one file gave.

    `data` is None when nothing could be read. `unreadable` holds the pointers of values that were refused;
    they are None in `data`, and nothing more should be said about them.
    """

    data: YamlData
    positions: PositionMap
    diagnostics: tuple[Diagnostic, ...]
    unreadable: frozenset[str]


def refuse_size(path: str, size: int, limits: ValidationLimits) -> ReadResult:
    """What reading a file of `size` bytes gives that was too large to be read."""
    problem = report_too_large(path, size, limits.max_bytes)
    return ReadResult(None, PositionMap("", {}), (problem,), frozenset())


def read_yaml(path: str, content: str | bytes, limits: ValidationLimits = DEFAULT_LIMITS) -> ReadResult:
    """Read one YAML document. `path` only names the file in diagnostics; bad input gives diagnostics."""
    text, problem = decode_source(path, content, limits.max_bytes)
    if problem is not None:
        return ReadResult(None, PositionMap(text, {}), (problem,), frozenset())
    reader = _Reader(path, text, limits)
    data = reader.read()
    report = reader.report
    return ReadResult(data, reader.positions, tuple(report.diagnostics), frozenset(report.unreadable))


class _StoppedError(Exception):
    """Reading stops here; the diagnostic is already written."""


class _Reader:
    def __init__(self, path: str, text: str, limits: ValidationLimits) -> None:
        self._nodes: dict[str, NodePosition] = {}
        self.positions = PositionMap(text, self._nodes)
        self.report = ReadingReport(path, self.positions)
        self._limits = limits
        self._parser = YAML_PARSER(text)

    def read(self) -> YamlData:
        try:
            return self._read_stream()
        except yaml.MarkedYAMLError as error:
            self.report.add_syntax(describe_syntax_error(error, self.positions.text))
        except yaml.YAMLError as error:
            self.report.add(DiagnosticCode.YAML_SYNTAX, str(error), "Correct the file.", 0)
        except _StoppedError:
            pass
        finally:
            self._parser.dispose()
        return None

    def _read_stream(self) -> YamlData:
        self._parser.get_event()
        if self._parser.check_event(yaml.StreamEndEvent):
            return None
        self._parser.get_event()
        data = self._read_value(self._parser.get_event(), "", 1, None)
        self._parser.get_event()
        if not self._parser.check_event(yaml.StreamEndEvent):
            event = self._parser.peek_event()
            self.report.add(
                DiagnosticCode.YAML_MULTIPLE_DOCUMENTS,
                "a second YAML document begins here",
                "Keep one dashboard per file: move the rest to another one.",
                event.start_mark.index,
                event.end_mark.index,
            )
        return data

    def _read_value(self, event: Any, pointer: str, depth: int, key: Any) -> YamlData:
        start, end, style = event.start_mark.index, event.end_mark.index, None
        key_start, key_end = (key.start_mark.index, key.end_mark.index) if key is not None else (None, 0)
        if len(self._nodes) >= self._limits.max_nodes:
            self._stop(f"the file holds more than {self._limits.max_nodes} values", start)
        if depth > self._limits.max_depth:
            self._stop(f"the file nests deeper than {self._limits.max_depth} levels", start)
        data: YamlData
        if isinstance(event, yaml.ScalarEvent):
            style = _SCALAR_STYLES[event.style]
            self._nodes[pointer] = NodePosition(start, end, key_start, key_end, style)
            self.report.check_properties(event, pointer)
            if not self.report.check_characters(event, pointer):
                self.report.unreadable.add(pointer)
                return None
            return self._read_scalar(event, pointer)
        self._nodes[pointer] = NodePosition(start, end, key_start, key_end, None)
        self.report.check_properties(event, pointer)
        if isinstance(event, yaml.AliasEvent):
            return None
        if isinstance(event, yaml.SequenceStartEvent):
            data, end = self._read_sequence(pointer, depth)
        else:
            data, end = self._read_mapping(pointer, depth)
        self._nodes[pointer] = NodePosition(start, self._trim(start, end), key_start, key_end, None)
        return data

    def _read_sequence(self, pointer: str, depth: int) -> tuple[YamlData, int]:
        items: list[YamlData] = []
        while not self._parser.check_event(yaml.SequenceEndEvent):
            event = self._parser.get_event()
            items.append(self._read_value(event, f"{pointer}/{len(items)}", depth + 1, None))
        return items, self._parser.get_event().end_mark.index

    def _read_mapping(self, pointer: str, depth: int) -> tuple[YamlData, int]:
        mapping: dict[str, YamlData] = {}
        while not self._parser.check_event(yaml.MappingEndEvent):
            key = self._parser.get_event()
            name = self._read_key(key, pointer, depth)
            if name is not None and name not in mapping:
                event = self._parser.get_event()
                mapping[name] = self._read_value(event, join_pointer(pointer, name), depth + 1, key)
            else:
                if name is not None:
                    self.report.add_duplicate(name, key, join_pointer(pointer, name))
                self._skip_value(depth)
        return mapping, self._parser.get_event().end_mark.index

    def _read_key(self, event: Any, pointer: str, depth: int) -> str | None:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None or event.anchor is not None:
            self.report.add_key(event)
            self._skip_rest(event, depth)
            return None
        if event.value == "<<" and not event.style:
            self.report.add_anchor("a merge key", event, pointer)
            return None
        self.report.check_characters(event, pointer)
        name: str = event.value
        return name

    def _read_scalar(self, event: Any, pointer: str) -> PlainValue:
        if event.style:
            text: str = event.value
            return text
        try:
            return read_plain(event.value)
        except OverflowError:
            self.report.add_number(event, pointer)
            return None

    def _skip_value(self, depth: int) -> None:
        self._skip_rest(self._parser.get_event(), depth)

    def _skip_rest(self, event: Any, depth: int) -> None:
        """Read over the value that began with `event`, within the same bound on depth."""
        level = 0
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                level += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                level -= 1
            if depth + level > self._limits.max_depth:
                self._stop(
                    f"the file nests deeper than {self._limits.max_depth} levels", event.start_mark.index
                )
            if level == 0:
                return
            event = self._parser.get_event()

    def _stop(self, message: str, offset: int) -> None:
        self.report.add(DiagnosticCode.YAML_TOO_DEEP, message, "Split the dashboard.", offset)
        raise _StoppedError

    def _trim(self, start: int, end: int) -> int:
        text = self.positions.text
        while end > start and text[end - 1].isspace():
            end -= 1
        return end
