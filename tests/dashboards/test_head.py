"""What a request's parameters come to, before anything is asked of the warehouse."""

import json
from decimal import Decimal

import pytest

from shared.dashboards.definition.head import DashboardHead, HeadParameter, hash_variant
from shared.errors import InvalidRequestError


def make_head(*parameters: tuple[str, str, str]) -> DashboardHead:
    return DashboardHead(
        "shop",
        1,
        tuple(HeadParameter(name, kind, default, [default], True) for name, kind, default in parameters),
    )


@pytest.mark.parametrize(
    ("first", "last"), [("from", "to"), ("day_start", "day_end"), ("start_day", "end_day")]
)
def test_a_beginning_after_its_end_is_refused_by_both_names(first, last):
    head = make_head((first, "DATE", "2013-01-01"), (last, "DATE", "2013-01-31"))
    assert head.resolve_parameters({first: ["2013-01-31"]})[first] == "2013-01-31"
    with pytest.raises(
        InvalidRequestError, match=f"^{first} is 2013-02-01, after {last}, which is 2013-01-31"
    ):
        head.resolve_parameters({first: ["2013-02-01"]})


def test_moments_are_compared_by_time():
    head = make_head(
        ("from", "TIMESTAMP", "2013-01-01T00:00:00Z"), ("to", "TIMESTAMP", "2013-01-01T00:00:00Z")
    )
    with pytest.raises(InvalidRequestError):
        head.resolve_parameters({"from": ["2013-01-01T00:00:00.5Z"]})
    assert head.resolve_parameters({"from": ["2013-01-01T01:00:00+01:00"]})


@pytest.mark.parametrize(("kind", "first", "last"), [("STRING", "LGA", "JFK"), ("INT64", "22", "6")])
def test_names_and_numbers_have_no_beginning(kind, first, last):
    head = make_head(("from", kind, first), ("to", kind, last))
    assert set(head.resolve_parameters({"from": [first], "to": [last]})) == {"from", "to"}


def test_an_end_without_a_beginning_of_its_type_is_left_alone():
    head = make_head(("from", "DATE", "2013-02-01"), ("to", "STRING", "2013-01-01"))
    assert head.resolve_parameters({})["from"] == "2013-02-01"


@pytest.mark.parametrize("value", [1e300, -1e16, 0.5, 2.0])
def test_a_number_is_the_same_after_postgresql_has_held_it(value):
    """It writes a number with all its digits, which are read as a whole number where there is no fraction."""
    held = json.loads(format(Decimal(str(value)), "f"))
    parameters = [{"name": "x", "type": "FLOAT64", "default": held, "values": [held]}]
    head = DashboardHead.from_definition(1, {"slug": "shop", "parameters": parameters})
    assert hash_variant(head.resolve_parameters({})) == hash_variant({"x": value})
    assert head.resolve_parameters({"x": [str(value)]}) == {"x": value}
