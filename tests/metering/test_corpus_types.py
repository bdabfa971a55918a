"""Names and types of the columns that a dry run of the local stack announces are those of Google's own analyser."""

from collections.abc import Sequence

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery as google_bigquery

from deploy.local.alone.bigquery import BigQueryServer
from shared.warehouse.bigquery.results import to_output_fields
from shared.warehouse.models.queries import OutputField
from tests.metering.conftest import TIMEOUT_SECONDS
from tests.sql.analyser import GoogleAnalyser
from tests.sql.corpus import ANSWERS_OTHERWISE, CANNOT_RUN, CorpusQuery, read_accepted, read_corpus
from tests.sql.tables import PARAMETERS, list_tables

PROJECT = "corpus"
QUERIES = read_accepted()
VALUES = {"origin": "JFK", "days": 1, "dests": ["LAX"]}


@pytest.fixture(scope="module")
def analyser() -> GoogleAnalyser:
    """Google's, with the tables of the corpus."""
    return GoogleAnalyser(list_tables(), PARAMETERS)


@pytest.fixture(scope="module")
def client(bigquery: BigQueryServer) -> google_bigquery.Client:
    """A client of a project of its own, which has the corpus' tables without a row."""
    client = bigquery.client(PROJECT)
    for name, types in list_tables().items():
        dataset, table = name.replace("*", "20130101").split(".")
        client.create_dataset(dataset, exists_ok=True, timeout=TIMEOUT_SECONDS)
        columns = ", ".join(f"`{column}` {type_}" for column, type_ in types.items() if column[0] != "_")
        sql = f"CREATE OR REPLACE TABLE {dataset}.{table} ({columns})"
        client.query(sql, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None).result(timeout=TIMEOUT_SECONDS)
    return client


def test_every_note_is_of_a_kind_that_the_documentation_explains():
    notes = [query.local for query in QUERIES if query.local]
    assert set(notes) == CANNOT_RUN.keys() | ANSWERS_OTHERWISE.keys()
    assert len(notes) == sum(bool(query.local) for query in read_corpus())


@pytest.mark.parametrize("query", QUERIES, ids=[query.place for query in QUERIES])
def test_names_and_types_are_the_analysers(
    client: google_bigquery.Client, analyser: GoogleAnalyser, query: CorpusQuery
):
    expected = analyser.analyse(query.sql).columns
    if query.local in CANNOT_RUN:
        with pytest.raises((BadRequest, NotFound)):
            dry_run(client, query.sql)
        return
    announced = tuple((field.name, show_type(field)) for field in dry_run(client, query.sql))
    if query.local:
        assert announced != expected, "the note is not true any more"
    else:
        assert announced == expected


def dry_run(client: google_bigquery.Client, sql: str) -> Sequence[OutputField]:
    """The columns of a query, in the words of /sql/run and of plans."""
    config = google_bigquery.QueryJobConfig(
        dry_run=True,
        use_query_cache=False,
        default_dataset=f"{PROJECT}.nyc",
        query_parameters=[
            google_bigquery.ArrayQueryParameter(name, PARAMETERS[name][6:-1], value)
            if isinstance(value, list)
            else google_bigquery.ScalarQueryParameter(name, PARAMETERS[name], value)
            for name, value in VALUES.items()
        ],
    )
    job = client.query(sql, config, timeout=TIMEOUT_SECONDS, retry=None, job_retry=None)
    return to_output_fields(job.schema or ())


def show_type(field: OutputField) -> str:
    """The type as the analyser writes it, with what mode, fields and bounds say of it."""
    name = field.type
    if name == "STRUCT":
        name = f"STRUCT<{', '.join(f'{one.name} {show_type(one)}' for one in field.fields)}>"
    elif field.element:
        name = f"RANGE<{field.element}>"
    return f"ARRAY<{name}>" if field.mode == "REPEATED" else name
