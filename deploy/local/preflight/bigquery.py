"""Whether queries can run in the project, and the datasets be read: dry runs and metadata, which cost nothing."""

from typing import TYPE_CHECKING

from deploy.local.preflight.access import CALL_TIMEOUT_SECONDS, Access, PreflightError
from deploy.local.preflight.refusals import explained, make_single_try, quote
from shared.settings import Settings

if TYPE_CHECKING:
    from google.cloud import bigquery

API = "bigquery.googleapis.com"
_TABLES_LOOKED_AT = 50
# It holds bigquery.jobs.create, and bigquery.readsessions.create for large results.
_RUNNER = "roles/bigquery.user"
_READER = "roles/bigquery.dataViewer"


def check_bigquery(settings: Settings, access: Access) -> None:
    """Raises PreflightError for the first thing that keeps queries of these settings from running."""
    from google.cloud import bigquery

    with bigquery.Client(
        project=settings.google_cloud_project,
        credentials=access.credentials,
        location=settings.bigquery_location,
    ) as client:
        _check_jobs(client, access)
        for name in settings.allowed_datasets:
            _check_dataset(client, name, access)


def _check_jobs(client: "bigquery.Client", access: Access) -> None:
    from google.api_core.exceptions import ClientError, Forbidden, NotFound

    project, location = client.project, client.location
    try:
        with explained(API, project):
            _dry_run(client, "SELECT 1")
    except Forbidden as error:
        raise PreflightError(
            f"{access.title} may not run queries in project {project} (bigquery.jobs.create); "
            f"run: {_grant(project, access, _RUNNER)}"
        ) from error
    except NotFound as error:
        raise PreflightError(
            f"There is no project {project}, or {access.title} does not see it; set GOOGLE_CLOUD_PROJECT in .env to "
            "one that this command lists: gcloud projects list"
        ) from error
    except ClientError as error:
        raise PreflightError(
            f"BigQuery runs no query in project {project} at {location} ({quote(error)}); correct "
            "GOOGLE_CLOUD_PROJECT and BIGQUERY_LOCATION in .env, see: gcloud projects list"
        ) from error


def _check_dataset(client: "bigquery.Client", name: str, access: Access) -> None:
    from google.api_core.exceptions import ClientError, Forbidden, NotFound
    from google.cloud import bigquery

    reference = bigquery.DatasetReference.from_string(name, default_project=client.project)
    project, dataset = reference.project, reference.dataset_id
    full_name = f"{project}.{dataset}"
    try:
        with explained(API, project):
            found = client.get_dataset(full_name, retry=make_single_try(), timeout=CALL_TIMEOUT_SECONDS)
            _check_location(client, full_name, found.location)
            _check_tables(client, full_name)
    except Forbidden as error:
        raise PreflightError(
            f"{access.title} may not read dataset {full_name} ({quote(error)}); "
            f"run: {_grant(project, access, _READER)}"
        ) from error
    except NotFound as error:
        raise PreflightError(
            f"There is no dataset {dataset} in project {project}; correct ALLOWED_DATASETS in .env to those that this "
            f"command lists: bq ls --project_id={project}"
        ) from error
    except ClientError as error:
        raise PreflightError(
            f"Dataset {full_name} cannot be read ({quote(error)}); correct ALLOWED_DATASETS in .env, see: "
            f"bq show {project}:{dataset}"
        ) from error


def _check_location(client: "bigquery.Client", full_name: str, location: str) -> None:
    if location.casefold() != client.location.casefold():
        raise PreflightError(
            f"Dataset {full_name} is in {location}, and BIGQUERY_LOCATION is {client.location}: a query reads one "
            f"location; in .env write: BIGQUERY_LOCATION={location}"
        )


def _check_tables(client: "bigquery.Client", full_name: str) -> None:
    """Read a table of it by a dry run: whoever sees a dataset need not be allowed its rows. Raises Forbidden."""
    from google.api_core.exceptions import BadRequest

    tables = client.list_tables(
        full_name, max_results=_TABLES_LOOKED_AT, retry=make_single_try(), timeout=CALL_TIMEOUT_SECONDS
    )
    table = next((one for one in tables if one.table_type == "TABLE"), None)
    if table is None:
        return
    try:
        _dry_run(client, f"SELECT * FROM `{full_name}.{table.table_id}`")  # noqa: S608 - names that BigQuery gave
    except BadRequest:
        # Such as one that demands a filter on its partitions: who may not read it is told that first.
        return


def _dry_run(client: "bigquery.Client", sql: str) -> None:
    from google.cloud import bigquery

    config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
    client.query(
        sql, job_config=config, retry=make_single_try(), job_retry=None, timeout=CALL_TIMEOUT_SECONDS
    )


def _grant(project: str, access: Access, role: str) -> str:
    return f"gcloud projects add-iam-policy-binding {project} --member={access.member} --role={role}"
