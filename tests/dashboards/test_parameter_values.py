"""Parameter values: one canonical value per type, from YAML and from a URL alike."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.dashboards.definition.parameter_values import (
    PARAMETER_TYPES,
    ParameterValueError,
    hold_exactly,
    parse_parameter_text,
    parse_parameter_value,
)


@pytest.mark.parametrize(
    ("parameter_type", "written", "canonical"),
    [
        ("STRING", "JFK", "JFK"),
        ("INT64", 2**63 - 1, 2**63 - 1),
        ("FLOAT64", 1, 1.0),
        ("BOOL", True, True),
        ("NUMERIC", "001.50", "1.5"),
        ("NUMERIC", 1.5, "1.5"),
        ("NUMERIC", "-0.0", "0"),
        ("NUMERIC", "1e3", "1000"),
        ("BIGNUMERIC", "0." + "0" * 37 + "1", "0." + "0" * 37 + "1"),
        ("DATE", "2013-01-31", "2013-01-31"),
        ("DATETIME", "2013-01-31 06:00:00", "2013-01-31T06:00:00"),
        ("DATETIME", "2013-01-31", "2013-01-31T00:00:00"),
        ("TIME", "06:00", "06:00:00"),
        ("TIMESTAMP", "2013-01-31T06:00:00+02:00", "2013-01-31T04:00:00Z"),
        ("TIMESTAMP", "2013-01-31 06:00:00.123456 UTC", "2013-01-31T06:00:00.123456Z"),
        ("TIMESTAMP", "2013-01-31", "2013-01-31T00:00:00Z"),
        ("BYTES", "aGVsbG8=", "aGVsbG8="),
        ("ARRAY<INT64>", [3, 1], [3, 1]),
        ("ARRAY<DATE>", [], []),
    ],
)
def test_values_become_canonical(parameter_type, written, canonical):
    value = parse_parameter_value(parameter_type, written)
    assert value == canonical
    assert type(value) is type(canonical)


@pytest.mark.parametrize(
    ("parameter_type", "written"),
    [
        ("STRING", 5),
        ("STRING", None),
        ("STRING", "a\0b"),
        ("STRING", "x" * 10_001),
        ("INT64", "5"),
        ("INT64", True),
        ("INT64", 2**63),
        ("INT64", 1.0),
        ("FLOAT64", "1"),
        ("FLOAT64", float("nan")),
        ("FLOAT64", 10**400),
        ("BOOL", "true"),
        ("BOOL", 1),
        ("NUMERIC", "1.0000000001"),
        ("NUMERIC", "1" * 30),
        ("NUMERIC", "abc"),
        ("NUMERIC", True),
        ("NUMERIC", "1e9999"),
        ("DATE", "2013-02-29"),
        ("DATE", "20130131"),
        ("DATE", "2013-W01-1"),
        ("DATE", 20130131),
        ("DATETIME", "2013-01-31T06:00:00Z"),
        ("TIME", "25:00:00"),
        ("TIMESTAMP", "yesterday"),
        ("TIMESTAMP", "0001-01-01T00:00:00+14:00"),
        ("BYTES", "not base64!"),
        ("ARRAY<INT64>", 5),
        ("ARRAY<INT64>", "12"),
        ("ARRAY<INT64>", [1] * 1_001),
    ],
)
def test_values_that_do_not_fit_are_refused(parameter_type, written):
    with pytest.raises(ParameterValueError):
        parse_parameter_value(parameter_type, written)


def test_an_error_in_a_list_names_its_index():
    with pytest.raises(ParameterValueError) as raised:
        parse_parameter_value("ARRAY<INT64>", [1, 2, "three"])
    assert raised.value.index == 2


@pytest.mark.parametrize(
    ("parameter_type", "texts", "canonical"),
    [
        ("STRING", ["5"], "5"),
        ("STRING", [""], ""),
        ("INT64", ["-5"], -5),
        ("FLOAT64", ["1e3"], 1000.0),
        ("BOOL", ["TRUE"], True),
        ("DATE", ["2013-01-31"], "2013-01-31"),
        ("NUMERIC", ["1.50"], "1.5"),
        ("ARRAY<STRING>", ["a", "b"], ["a", "b"]),
        ("ARRAY<INT64>", ["1"], [1]),
        ("ARRAY<INT64>", [], []),
    ],
)
def test_a_url_gives_the_same_values_as_yaml(parameter_type, texts, canonical):
    assert parse_parameter_text(parameter_type, texts) == canonical


@pytest.mark.parametrize(
    ("parameter_type", "texts"),
    [("STRING", []), ("STRING", ["a", "b"]), ("INT64", ["5.0"]), ("INT64", ["\u0665"]), ("FLOAT64", ["nan"]),
     ("FLOAT64", ["1e999"]), ("BOOL", ["yes"]), ("ARRAY<INT64>", ["1", "x"])],
)  # fmt: skip
def test_texts_that_do_not_fit_are_refused(parameter_type, texts):
    with pytest.raises(ParameterValueError):
        parse_parameter_text(parameter_type, texts)


@settings(max_examples=300)
@given(
    st.sampled_from(PARAMETER_TYPES),
    st.one_of(
        st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text(), max_size=3)
    ),
)
def test_canonical_values_are_stable_and_everything_else_is_refused(parameter_type, written):
    try:
        value = parse_parameter_value(parameter_type, written)
    except ParameterValueError:
        return
    assert parse_parameter_value(parameter_type, value) == value


def test_an_address_can_say_that_a_list_is_empty():
    assert parse_parameter_text("ARRAY<STRING>", ["~empty"]) == []
    assert parse_parameter_text("ARRAY<STRING>", ["~~empty"]) == ["~empty"]
    assert parse_parameter_text("ARRAY<STRING>", ["~empty", "a"]) == ["~empty", "a"]
    assert parse_parameter_text("STRING", ["~empty"]) == "~empty"
    assert parse_parameter_text("STRING", ["~~"]) == "~"
    assert parse_parameter_text("STRING", ["~7"]) == "~7"


def test_values_that_javascript_would_round_are_held_as_text():
    assert hold_exactly(2**53 - 1) == 2**53 - 1
    assert hold_exactly(2**53 + 1) == "9007199254740993"
    assert hold_exactly([1, -(2**53)]) == [1, "-9007199254740992"]
    assert hold_exactly(True) is True
