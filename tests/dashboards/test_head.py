"""What a request's parameters come to, before anything is asked of the warehouse."""

import pytest

from shared.dashboards.definition.head import DashboardHead, HeadParameter
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
