"""Bodies held against Google's discovery documents."""

import copy

import pytest

from deploy.checks import discovery
from deploy.checks.google_sdk import load_documents

DOCUMENTS = load_documents()
JOB = {"configuration": {"query": {"query": "SELECT 1", "useLegacySql": False, "maximumBytesBilled": "1"}}}


@pytest.fixture(scope="module")
def bigquery_api() -> discovery.Api:
    return discovery.load_api("bigquery", "v2")


@pytest.mark.parametrize("path", DOCUMENTS)
def test_google_knows_every_field_of_a_deployed_file(path: str) -> None:
    api, version, name, document = DOCUMENTS[path]
    assert discovery.load_api(api, version).find_faults(name, document) == []


def test_a_field_google_does_not_know_is_named_with_its_place() -> None:
    path = "deploy/google/prod/services/data.yaml"
    api, version, name, document = copy.deepcopy(DOCUMENTS[path])
    document["spec"]["template"]["spec"]["containerConcurency"] = 3
    (fault,) = discovery.load_api(api, version).find_faults(name, document)
    assert fault.startswith("spec.template.spec: ")
    assert "containerConcurency" in fault


@pytest.mark.parametrize(
    ("value", "fault_count"), [("10", 0), (10, 0), ("-1", 0), ("1e3", 1), (1.5, 1), (True, 1), (None, 1)]
)
def test_a_long_integer_is_text_or_a_number(
    bigquery_api: discovery.Api, value: object, fault_count: int
) -> None:
    job = copy.deepcopy(JOB)
    job["configuration"]["query"]["maximumBytesBilled"] = value  # type: ignore[assignment]
    assert len(bigquery_api.find_faults("Job", job)) == fault_count


def test_a_misspelt_field_deep_inside_a_job_is_found(bigquery_api: discovery.Api) -> None:
    job = {**JOB, "statistics": {"query": {"referencedTables": [{"tableID": "x"}]}}}
    (fault,) = bigquery_api.find_faults("Job", job)
    assert fault.startswith("statistics.query.referencedTables.0: ")


@pytest.mark.parametrize(
    ("verb", "path", "method"),
    [
        ("POST", "projects/p/jobs", "bigquery.jobs.insert"),
        ("GET", "projects/p/jobs/j", "bigquery.jobs.get"),
        ("POST", "projects/p/jobs/j/cancel", "bigquery.jobs.cancel"),
        ("GET", "projects/p/queries/j", "bigquery.jobs.getQueryResults"),
        ("GET", "projects/p/datasets/d/tables/t/data", "bigquery.tabledata.list"),
    ],
)
def test_a_method_is_found_by_its_path(
    bigquery_api: discovery.Api, verb: str, path: str, method: str
) -> None:
    found = bigquery_api.find_method(verb, path)
    assert found is not None
    assert found.id == method


def test_a_path_google_does_not_have_is_no_method(bigquery_api: discovery.Api) -> None:
    assert bigquery_api.find_method("GET", "projects/p/jobz") is None
    assert bigquery_api.find_method("PUT", "projects/p/jobs") is None


def test_a_method_names_its_bodies_and_parameters(bigquery_api: discovery.Api) -> None:
    method = bigquery_api.find_method("GET", "projects/p/queries/j")
    assert method is not None
    assert (method.request, method.response) == (None, "GetQueryResultsResponse")
    assert {"maxResults", "timeoutMs", "prettyPrint", "formatOptions.useInt64Timestamp"} <= method.parameters
    assert "maxresults" not in method.parameters
