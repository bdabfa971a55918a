"""What is checked at Google before a stack starts that works there, and the sentence for each thing that is wrong."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud.bigquery import SchemaField

from deploy.local.preflight.access import PreflightError, find_access
from deploy.local.preflight.bigquery import check_bigquery
from deploy.local.preflight.checks import check_settings, describe_warehouse
from deploy.local.preflight.storage import check_storage
from deploy.local.servers.fake_gcs import FakeGcsServer
from shared.settings import PricingModel, Settings
from tests.fixtures.bigquery import BigQueryServer
from tests.fixtures.google_project import ACCOUNT, PROJECT, GoogleProject, play_google, write_key

GRANT = f"gcloud projects add-iam-policy-binding {PROJECT} --member=serviceAccount:{ACCOUNT}"
LOGIN = "gcloud auth application-default login"
DATASET = {
    "kind": "bigquery#dataset",
    "datasetReference": {"projectId": PROJECT, "datasetId": "sales"},
    "location": "EU",
}
TABLES = {
    "kind": "bigquery#tableList",
    "tables": [
        {"type": kind, "tableReference": {"projectId": PROJECT, "datasetId": "sales", "tableId": name}}
        for kind, name in (("VIEW", "latest"), ("TABLE", "orders"))
    ],
}
JOB = {
    "kind": "bigquery#job",
    "jobReference": {"projectId": PROJECT, "jobId": "1"},
    "status": {"state": "DONE"},
}


@pytest.fixture
def settings() -> Settings:
    """Those of a developer whose data is in the EU."""
    return Settings(google_cloud_project=PROJECT, bigquery_location="EU", allowed_datasets=["sales"])


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleProject]:
    """Google with one dataset, `sales` in the EU, all of which may be read. Tests put their refusals first."""
    with play_google(tmp_path) as project:
        for name, value in project.environment.items():
            monkeypatch.setenv(name, value)
        yield project


def check(google: GoogleProject, settings: Settings) -> None:
    """The checks of BigQuery, over what Google's documentation says it answers."""
    google.refusals |= {
        r"^GET /bigquery/v2/projects/acme-analytics/datasets/sales\?": (200, DATASET),
        r"^GET /bigquery/v2/projects/acme-analytics/datasets/sales/tables": (200, TABLES),
        r"^POST /bigquery/v2/projects/acme-analytics/jobs": (200, JOB),
    }
    check_bigquery(settings, find_access())


def refuse(google: GoogleProject, settings: Settings) -> str:
    """What is said when the checks refuse."""
    with pytest.raises(PreflightError) as caught:
        check(google, settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_only_dry_runs_and_metadata_are_asked_for(google: GoogleProject, settings: Settings) -> None:
    check(google, settings)
    jobs = [call for call in google.calls if call.startswith("POST")]
    assert ["FROM" in job for job in jobs] == [False, True]
    assert "`acme-analytics.sales.orders`" in jobs[1]
    assert all('"dryRun": true' in job and '"location": "EU"' in job for job in jobs)
    assert len(google.calls) == 4


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(
        PreflightError, match=f"^There are no Google credentials on this machine; run: {LOGIN}$"
    ):
        find_access()


def test_a_file_of_credentials_that_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "gone.json"))
    with pytest.raises(
        PreflightError, match=rf"gone\.json, which holds no credentials \(.*; run: unset .*{LOGIN}$"
    ):
        find_access()


def test_credentials_that_were_revoked(google: GoogleProject) -> None:
    google.token_answer = (400, {"error": "invalid_grant", "error_description": "Token has been revoked."})
    with pytest.raises(
        PreflightError, match=f"not accept the credentials .*has been revoked.*; run: {LOGIN}$"
    ):
        find_access()


def test_a_google_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = write_key(tmp_path / "key.json", "http://127.0.0.1:9/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    with pytest.raises(PreflightError, match=r"^Google cannot be reached for a token .*check the network"):
        find_access()


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            (
                403,
                "accessNotConfigured",
                "BigQuery API has not been used in project 1 before.",
                "SERVICE_DISABLED",
            ),
            f"The API is not enabled in project {PROJECT}; run: gcloud services enable bigquery.googleapis.com "
            f"--project={PROJECT}",
        ),
        (
            (400, "invalid", f"The project {PROJECT} has not enabled BigQuery."),
            f"The API is not enabled in project {PROJECT}; run: gcloud services enable bigquery.googleapis.com "
            f"--project={PROJECT}",
        ),
        (
            (
                403,
                "accessDenied",
                "Access Denied: Project acme-analytics: User does not have bigquery.jobs.create",
            ),
            f"{ACCOUNT} may not run queries in project {PROJECT} (bigquery.jobs.create); "
            f"run: {GRANT} --role=roles/bigquery.user",
        ),
        (
            (404, "notFound", "Not found: Project acme-analytics"),
            f"There is no project {PROJECT}, or {ACCOUNT} does not see it; set GOOGLE_CLOUD_PROJECT in .env to one "
            "that this command lists: gcloud projects list",
        ),
        (
            (400, "invalid", "Invalid value for location: EU is not a valid value"),
            f"BigQuery runs no query in project {PROJECT} at EU (Invalid value for location: EU is not a valid value); "
            "correct GOOGLE_CLOUD_PROJECT and BIGQUERY_LOCATION in .env, see: gcloud projects list",
        ),
        (
            (
                403,
                "forbidden",
                "Caller does not have required permission to use project 7.",
                "USER_PROJECT_DENIED",
            ),
            "The credentials bill their calls to another project, which does not let them; run: gcloud auth "
            f"application-default set-quota-project {PROJECT}",
        ),
        (
            (503, "backendError", "Error encountered during execution."),
            "bigquery.googleapis.com is out of order (503: Error encountered during execution.); in a moment run: "
            "make up",
        ),
    ],
    ids=[
        "disabled",
        "disabled, old words",
        "no jobs.create",
        "no project",
        "no location",
        "quota project",
        "busy",
    ],
)
def test_a_project_that_runs_no_queries(
    google: GoogleProject, settings: Settings, refusal: tuple[int, str, str], said: str
) -> None:
    google.refuse("^POST .*/jobs", *refusal)
    assert refuse(google, settings) == said
    assert len(google.calls) == 1


@pytest.mark.parametrize(
    ("pattern", "refusal", "said"),
    [
        (
            r"datasets/sales\?",
            (404, "notFound", "Not found: Dataset acme-analytics:sales"),
            f"There is no dataset sales in project {PROJECT}; correct ALLOWED_DATASETS in .env to those that this "
            f"command lists: bq ls --project_id={PROJECT}",
        ),
        (
            r"datasets/sales\?",
            (403, "accessDenied", "Permission bigquery.datasets.get denied"),
            f"run: {GRANT} --role=roles/bigquery.dataViewer",
        ),
        (
            "FROM `acme-analytics.sales.orders`",
            (403, "accessDenied", "User does not have permission to query table acme-analytics:sales.orders"),
            f"run: {GRANT} --role=roles/bigquery.dataViewer",
        ),
        (
            r"datasets/sales\?",
            (400, "invalid", 'Invalid dataset ID "sales".'),
            f'Dataset {PROJECT}.sales cannot be read (Invalid dataset ID "sales".); correct ALLOWED_DATASETS in .env, '
            f"see: bq show {PROJECT}:sales",
        ),
    ],
    ids=["missing", "not to be seen", "not to be read", "no name"],
)
def test_a_dataset_that_cannot_be_read(
    google: GoogleProject, settings: Settings, pattern: str, refusal: tuple[int, str, str], said: str
) -> None:
    google.refuse(pattern, *refusal)
    assert refuse(google, settings).endswith(said)


def test_a_table_that_demands_a_filter_may_be_read(google: GoogleProject, settings: Settings) -> None:
    google.refuse(
        "FROM `acme-analytics.sales.orders`", 400, "invalidQuery", "Cannot query over table without a filter"
    )
    check(google, settings)


def test_a_dataset_in_another_location(google: GoogleProject, settings: Settings) -> None:
    assert refuse(google, copy.replace(settings, bigquery_location="US")) == (
        f"Dataset {PROJECT}.sales is in EU, and BIGQUERY_LOCATION is US: a query reads one location; "
        "in .env write: BIGQUERY_LOCATION=EU"
    )


def test_the_gate_passes_what_google_would(google: GoogleProject, bigquery: BigQueryServer) -> None:
    bigquery.load_rows("preflight.orders", [SchemaField("id", "INT64")], [{"id": 1}])
    google.bigquery = bigquery.endpoint
    settings = Settings(google_cloud_project=bigquery.project, allowed_datasets=["preflight"])
    check_bigquery(settings, find_access())
    with pytest.raises(PreflightError, match=r"^There is no dataset ghost in project"):
        check_bigquery(copy.replace(settings, allowed_datasets=["preflight", "ghost"]), find_access())


def test_buckets_are_asked_for_what_keeping_files_takes(
    google: GoogleProject, settings: Settings, gcs_server: FakeGcsServer
) -> None:
    google.storage = gcs_server.endpoint
    kept = copy.replace(settings, dashboard_store_url="gs://ours/a", payload_store_url="gs://ours/b")
    check_storage(kept, find_access())
    assert sum("testPermissions" in call for call in google.calls) == 1
    google.refusals[r"/b/ours/iam"] = (200, {"permissions": ["storage.objects.get", "storage.objects.list"]})
    with pytest.raises(PreflightError) as caught:
        check_storage(kept, find_access())
    assert str(caught.value) == (
        f"{ACCOUNT} may not keep files in bucket ours (storage.objects.create, storage.objects.delete); run: gcloud "
        f"storage buckets add-iam-policy-binding gs://ours --member=serviceAccount:{ACCOUNT} "
        "--role=roles/storage.objectUser"
    )
    google.refuse(r"/b/ours/iam", 404, "notFound", "The specified bucket does not exist.")
    with pytest.raises(
        PreflightError, match=r"^There is no bucket ours; run: gcloud storage buckets create gs://ours$"
    ):
        check_storage(kept, find_access())


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (
            {"google_cloud_project": "local"},
            r"^GOOGLE_CLOUD_PROJECT is missing in \.env.*: gcloud projects list$",
        ),
        (
            {"allowed_datasets": []},
            rf"^ALLOWED_DATASETS is missing in \.env.*: bq ls --project_id={PROJECT}$",
        ),
        (
            {"payload_store_url": "file:x"},
            r"^STORAGE=gcs needs PAYLOAD_STORE_URL=gs://BUCKET/PREFIX in \.env",
        ),
    ],
)
def test_a_setting_without_which_nothing_can_start(
    settings: Settings, missing: dict[str, object], said: str
) -> None:
    complete = copy.replace(settings, dashboard_store_url="gs://ours/a", payload_store_url="gs://ours/b")
    check_settings(complete, is_at_google=True, is_in_gcs=True)
    with pytest.raises(PreflightError, match=said):
        check_settings(copy.replace(complete, **missing), is_at_google=True, is_in_gcs=True)


def test_the_budget_is_named_with_what_it_costs(settings: Settings) -> None:
    limited = copy.replace(settings, max_bytes_per_environment_day=10 * 10**9)
    assert describe_warehouse(limited) == (
        f"project {PROJECT}, EU, reading sales; at most 10 GB a day, 0.06 dollars "
        "(MAX_BYTES_PER_ENVIRONMENT_DAY in .env)"
    )
    assert "dollars" not in describe_warehouse(copy.replace(limited, pricing_model=PricingModel.SLOTS))
