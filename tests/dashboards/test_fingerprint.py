"""Fingerprints: equal for what is the same question, different for what is not; and variants."""

import pytest

from shared.dashboards.definition.parameter_values import TypedValue
from shared.dashboards.plans.expansion import (
    ExpansionLimits,
    compute_fingerprint,
    expand_dashboard,
    expand_variants,
    hash_variant,
    make_request,
)
from shared.errors import ValidationFailedError
from tests.dashboards.builders import MINIMAL, parse

SQL = "SELECT carrier, COUNT(*) AS n FROM flights WHERE origin = @origin GROUP BY carrier"
ORIGIN = {"origin": TypedValue("STRING", "JFK")}


def fingerprint(sql=SQL, parameters=ORIGIN, dataset="nyc", project="local", max_rows=100):
    return compute_fingerprint(sql, parameters, dataset, project, max_rows)


@pytest.mark.parametrize(
    "same",
    [
        SQL.replace("SELECT", "select").replace("FROM", "From").replace("GROUP BY", "group  by"),
        SQL.replace(" ", "\n\t "),
        "-- a comment\n" + SQL + " /* another */ # and a third",
        SQL + ";",
        SQL.replace("@origin", "@ORIGIN"),
    ],
)
def test_layout_comments_and_case_of_reserved_words_do_not_count(same):
    assert fingerprint(same) == fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        SQL.replace("AS n", "AS N"),
        SQL.replace("flights", "Flights"),
        SQL.replace("flights", "`flights`"),
        SQL.replace("@origin", "'@origin'"),
        SQL.replace("= @origin", "= 'JFK'"),
        SQL + " LIMIT 10",
        SQL.replace("COUNT(*)", "COUNT( * ) + 0"),
    ],
)
def test_names_literals_and_quoting_count(other):
    assert fingerprint(other) != fingerprint()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 'a b'", "SELECT 'a  b'"),
        ("SELECT 'select'", "SELECT 'SELECT'"),
        ("SELECT '\\n'", "SELECT r'\\n'"),
        ("SELECT 'a'", "SELECT b'a'"),
        ("SELECT 'a'", "SELECT `a`"),
        ("SELECT 'x -- y'", "SELECT 'x '"),
        ("SELECT DATE '2013-01-01' AS date", "SELECT DATE '2013-01-01' AS Date"),
        ("SELECT a.select FROM a", "SELECT a.SELECT FROM a"),
        ("SELECT 'a', 'b'", "SELECT 'a'',''b'"),
        ("SELECT 0x10", "SELECT 10"),
        ("SELECT 0x10 AS a, 255 & 0x10 AS bit", "SELECT 10 AS a, 255 & 10 AS bit"),
        ("SELECT r'a'", "SELECT r 'a'"),
        ("SELECT 1 AS x", "SELECT 1 AS `x`"),
    ],
)
def test_texts_that_answer_differently_never_share_a_fingerprint(one, other):
    assert fingerprint(one) != fingerprint(other)


def test_values_types_limits_dataset_and_project_count():
    variants = [
        fingerprint(),
        fingerprint(parameters={"origin": TypedValue("STRING", "LGA")}),
        fingerprint(parameters={"origin": TypedValue("BYTES", "JFK")}),
        fingerprint(dataset="other"),
        fingerprint(dataset=None),
        fingerprint(project="other"),
        fingerprint(max_rows=101),
    ]
    assert len(set(variants)) == len(variants)


def test_a_time_zone_counts_where_the_dashboard_sets_one():
    zones = [None, "UTC", "America/New_York"]
    assert len({compute_fingerprint(SQL, ORIGIN, "nyc", "local", 100, zone) for zone in zones}) == 3


def test_only_a_zone_that_the_file_itself_writes_is_its_jobs():
    limits = ExpansionLimits("local", 100, 10)
    asked = {}
    for zone in ("", "refresh: {time_zone: America/New_York}\n", "time_zone: America/New_York\n"):
        definition = parse(MINIMAL + zone).definition
        (unit,) = expand_dashboard(definition, {"daily": "SELECT 1 AS a"}, limits, all_variants=False).units
        asked[unit.fingerprint] = make_request(unit, definition, actor="-").time_zone
    assert list(asked.values()) == [None, "America/New_York"]


def test_parameters_the_query_does_not_use_do_not_count():
    more = {**ORIGIN, "unused": TypedValue("INT64", 1)}
    assert fingerprint(parameters=more) == fingerprint()
    quoted = "SELECT '@unused' -- @unused"
    assert fingerprint(quoted, more) == fingerprint(quoted, {})


def test_sql_that_does_not_parse_still_has_a_fingerprint():
    assert fingerprint("SELECT 'open") != fingerprint("SELECT 'opened")


def test_a_fingerprint_stays_what_it_was():
    # Stored results are found by it: a change here must come with a new _FORM.
    assert fingerprint() == "cbd8320c44455e1bca6e1b2a20bb17704a9d9d844eed90bd4b8e42aa01ef18a2"


def make_definition(parameters: str):
    definition = parse(MINIMAL.replace("queries:", f"parameters:\n{parameters}\nqueries:")).definition
    assert definition is not None
    return definition


def test_variants_begin_with_the_defaults_and_follow_the_file():
    definition = make_definition(
        "  - {name: a, type: STRING, default: y, values: [x, y]}\n  - {name: b, type: INT64, values: [1, 2]}"
    )
    assert expand_variants(definition, 4) == [
        {"a": "y", "b": 1},
        {"a": "y", "b": 2},
        {"a": "x", "b": 1},
        {"a": "x", "b": 2},
    ]


def test_a_parameter_without_values_has_its_default_only():
    definition = make_definition("  - {name: a, type: DATE, default: 2013-01-01}")
    assert expand_variants(definition, 1) == [{"a": "2013-01-01"}]


def test_a_dashboard_without_parameters_has_one_variant():
    definition = parse(MINIMAL).definition
    assert definition is not None
    assert expand_variants(definition, 1) == [{}]


def test_too_many_variants_are_refused_with_their_number():
    definition = make_definition("  - {name: a, type: INT64, values: [1, 2, 3]}")
    with pytest.raises(ValidationFailedError, match="3 combinations"):
        expand_variants(definition, 2)


def test_a_variant_hash_ignores_order_and_sees_types():
    assert hash_variant({"a": 1, "b": "x"}) == hash_variant({"b": "x", "a": 1})
    different = [hash_variant({"a": value}) for value in (1, "1", True, 1.5, [1], None)]
    assert len(set(different)) == len(different)
