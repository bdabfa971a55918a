"""Verdicts, names of columns and column edges of the corpus are those of Google's own analyser."""

import pytest

from deploy.local.analyser.errors import RefusedError
from shared.errors import AlmanacError
from shared.lineage.extraction import SqlTrace, trace_sql
from shared.lineage.sources import QuerySource
from shared.lineage.sql_tables import Deadline, SchemaIndex
from shared.warehouse.guard.guard import GuardPolicy, QueryGuard
from tests.sql.analyser import Analysis, GoogleAnalyser
from tests.sql.corpus import KINDS, CorpusQuery, read_corpus
from tests.sql.tables import PARAMETERS, list_tables

QUERIES = read_corpus()
TABLES = list_tables()
GUARD = QueryGuard(GuardPolicy("proj", ["nyc", "ga4"]))
SCHEMAS = SchemaIndex({f"proj.{name}": columns for name, columns in TABLES.items()})
every_query = pytest.mark.parametrize("query", QUERIES, ids=[query.place for query in QUERIES])


@pytest.fixture(scope="module")
def analyser() -> GoogleAnalyser:
    """Google's, with the tables of the corpus."""
    return GoogleAnalyser(TABLES, PARAMETERS)


def test_the_corpus_holds_hundreds_of_queries_once_each():
    assert len({query.sql for query in QUERIES}) == len(QUERIES) >= 300


@every_query
def test_the_verdict_is_the_analysers(analyser: GoogleAnalyser, query: CorpusQuery):
    expected, ours = analyse(analyser, query.sql), judge(query.sql)
    if query.verdict == "left to the dry run":
        assert (isinstance(expected, RefusedError), ours) == (True, None)
    elif query.verdict == "stricter than the analyser":
        assert not isinstance(expected, RefusedError)
        assert ours is not None
    else:
        assert (ours is None) is isinstance(expected, Analysis), ours or expected
    if ours is not None:
        assert ours.details[0]["line"] == 1
        assert "class" not in ours.message


@every_query
def test_names_and_edges_are_the_analysers(analyser: GoogleAnalyser, query: CorpusQuery):
    expected = analyse(analyser, query.sql)
    if isinstance(expected, RefusedError) or judge(query.sql) is not None:
        pytest.skip("no query")
    trace = trace_sql(QuerySource(query.sql, "proj", "nyc"), SCHEMAS, Deadline(30))
    assert trace.unresolved is None
    ours = show(trace)
    theirs = {
        name: set(sources) for (name, _), sources in zip(expected.columns, expected.sources, strict=True)
    }
    if query.verdict == "differs":
        assert query.reason in KINDS
        assert ours != theirs, "the note is not true any more"
    else:
        assert (list(ours), ours) == (list(theirs), theirs)


def analyse(analyser: GoogleAnalyser, sql: str) -> Analysis | RefusedError:
    try:
        return analyser.analyse(sql)
    except RefusedError as error:
        return error


def judge(sql: str) -> AlmanacError | None:
    try:
        GUARD.check(sql, "nyc")
    except AlmanacError as error:
        return error
    return None


def show(trace: SqlTrace) -> dict[str, set[str]]:
    """What each column is made of, as the analyser names it."""
    return {
        output.name: {f"{source.table.split('.', 2)[2]}#{source.column}" for source in output.sources}
        for output in trace.outputs
    }
