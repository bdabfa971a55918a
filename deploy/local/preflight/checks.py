"""All checks at Google of one stack, in the order in which one is needed for the next."""

from deploy.local.preflight.access import PreflightError, find_access
from deploy.local.preflight.bigquery import check_bigquery
from deploy.local.preflight.storage import check_storage
from deploy.local.stack import Stack
from shared.settings import PricingModel, Settings

_BYTES_PER_TIB = 2**40


def check_google(stack: Stack) -> None:
    """Say what a stack that works at Google will use there. Raises PreflightError; one that does not is left alone."""
    if not stack.is_at_google and not stack.is_in_gcs:
        return
    settings = stack.read_settings()
    check_settings(settings, is_at_google=stack.is_at_google, is_in_gcs=stack.is_in_gcs)
    access = find_access()
    if stack.is_at_google:
        check_bigquery(settings, access)
        print(f"BigQuery: {describe_warehouse(settings)}.")
    if stack.is_in_gcs:
        check_storage(settings, access)
        print(f"Cloud Storage: {settings.dashboard_store_url}, {settings.payload_store_url}.")


def check_settings(settings: Settings, *, is_at_google: bool, is_in_gcs: bool) -> None:
    """Raises PreflightError when a setting is missing that no default can stand in for."""
    if is_at_google and settings.google_cloud_project == Settings.google_cloud_project:
        raise PreflightError(
            "GOOGLE_CLOUD_PROJECT is missing in .env: the project that runs queries and pays; "
            "one that this command lists: gcloud projects list"
        )
    if is_at_google and not settings.allowed_datasets:
        raise PreflightError(
            "ALLOWED_DATASETS is missing in .env: what queries may read; those that this command lists: "
            f"bq ls --project_id={settings.google_cloud_project}"
        )
    if is_in_gcs:
        for name in ("dashboard_store_url", "payload_store_url"):
            if not getattr(settings, name).startswith("gs://"):
                raise PreflightError(
                    f"STORAGE=gcs needs {name.upper()}=gs://BUCKET/PREFIX in .env; see your buckets: "
                    "gcloud storage buckets list"
                )


def describe_warehouse(settings: Settings) -> str:
    """Where queries run, what they may read, and what a day may cost at most."""
    budget = settings.max_bytes_per_environment_day
    dollars = float(settings.price_per_tib_usd) * budget / _BYTES_PER_TIB
    price = f", {dollars:.2f} dollars" if settings.pricing_model is PricingModel.ON_DEMAND else ""
    return (
        f"project {settings.google_cloud_project}, {settings.bigquery_location}, "
        f"reading {', '.join(settings.allowed_datasets)}; at most {budget / 10**9:g} GB a day{price} "
        "(MAX_BYTES_PER_ENVIRONMENT_DAY in .env)"
    )
