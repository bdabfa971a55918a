"""The same text, the same verdict: in validate, in the guard of compile, save and /sql/run, and in lineage."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from shared.dashboards.definition.limits import SqlPolicy, ValidationLimits
from shared.dashboards.diagnostics.diagnostic import Severity
from shared.dashboards.validation import parse_dashboard
from shared.dashboards.validators.parsed import DashboardSource
from shared.dashboards.validators.sql import SqlValidator
from shared.errors import AlmanacError
from shared.lineage.extraction import trace_sql
from shared.lineage.sources import QuerySource
from shared.lineage.sql_tables import Deadline, SchemaIndex
from shared.sql.text import SqlProblemKind, normalize_sql
from shared.warehouse.guard.guard import GuardedQuery, GuardPolicy, QueryGuard
from tests.fixtures.examples import choose_examples
from tests.guard.test_corpus import CASES
from tests.guard.test_mutations import MUTATIONS, SPLICES
from tests.sql.corpus import read_corpus
from tests.sql.problems import find_sql_problem

GUARD = QueryGuard(GuardPolicy("proj", ["nyc", "ga4"]))
LIMITS = ValidationLimits(sql_policy=SqlPolicy("proj", ("nyc", "ga4")))
HEAD = "version: 1\nslug: sales\ntitle: Sales\ndataset: nyc\nqueries:\n  daily: {file: q.sql}\n"
TEXTS = sorted({query.sql for query in read_corpus()} | {case.sql for case in CASES if len(case.sql) < 2000})
SETTINGS = settings(max_examples=choose_examples(300))


def validate(sql: str) -> list[str]:
    """What the validator says against a text in a file of its own."""
    document = parse_dashboard(DashboardSource("sales.yaml", HEAD, {"q.sql": sql}), LIMITS)
    return [one.message for one in SqlValidator().validate(document) if one.severity is Severity.ERROR]


def judge(sql: str) -> GuardedQuery | AlmanacError:
    """What compile, save and /sql/run ask before anything is sent."""
    try:
        return GUARD.check(sql, "nyc")
    except AlmanacError as error:
        return error


def assert_one_verdict(sql: str) -> None:
    answer, problem = judge(sql), find_sql_problem(sql)
    trace = trace_sql(QuerySource(sql, "proj", "nyc"), SchemaIndex({}), Deadline(30))
    assert bool(validate(sql)) is isinstance(answer, AlmanacError) or "\0" in sql
    assert "the parser cannot resolve it" not in (trace.unresolved or "")
    if isinstance(answer, GuardedQuery):
        assert problem is None
        if trace.unresolved == "the SQL names no columns":
            # Sets matched by name that have no column in common: found by the dry run.
            assert answer.tree.find(exp.SetOperation) is not None or "|>" in sql
        else:
            assert trace.unresolved is None or "too" in trace.unresolved
        if trace.unresolved is None:
            assert sorted(trace.tables) == [str(table) for table in answer.tables]
    elif problem is not None and problem.kind is not SqlProblemKind.POSITIONAL_PARAMETER:
        assert trace.unresolved is not None
        assert trace.tables == ()
    assert normalize_sql(sql) == normalize_sql(sql + " -- end") or problem is not None


@SETTINGS
@given(sql=st.sampled_from(TEXTS), seed=st.integers(0, 2**32), steps=st.integers(0, 3))
def test_a_mutated_statement_is_judged_alike_by_all(sql: str, seed: int, steps: int):
    rng = random.Random(seed)
    for _ in range(steps):
        sql = rng.choice([*MUTATIONS, *SPLICES])(sql, rng)
    assert_one_verdict(sql)
