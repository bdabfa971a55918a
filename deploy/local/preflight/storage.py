"""Whether the buckets can be written and read."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.local.preflight.access import CALL_TIMEOUT_SECONDS, Access, PreflightError
from deploy.local.preflight.refusals import explained, make_single_try, quote
from shared.settings import Settings

if TYPE_CHECKING:
    from google.cloud.storage import Client

API = "storage.googleapis.com"
_NEEDED = tuple(f"storage.objects.{name}" for name in ("create", "delete", "get", "list"))


def check_storage(settings: Settings, access: Access) -> None:
    """Raises PreflightError for the first bucket of these settings that cannot be used."""
    from google.cloud.storage import Client

    urls = (settings.dashboard_store_url, settings.payload_store_url)
    with Client(project=settings.google_cloud_project, credentials=access.credentials) as client:
        for name in dict.fromkeys(urlsplit(url).netloc for url in urls):
            _check_bucket(client, name, access)


def _check_bucket(client: "Client", name: str, access: Access) -> None:
    from google.api_core.exceptions import ClientError, NotFound

    project = client.project
    try:
        with explained(API, str(project)):
            granted = client.bucket(name).test_iam_permissions(
                _NEEDED, timeout=CALL_TIMEOUT_SECONDS, retry=make_single_try()
            )
    except NotFound as error:
        raise PreflightError(
            f"There is no bucket {name}; run: gcloud storage buckets create gs://{name}"
        ) from error
    except ClientError as error:
        raise PreflightError(_describe_missing(name, access, quote(error))) from error
    if missing := [permission for permission in _NEEDED if permission not in granted]:
        raise PreflightError(_describe_missing(name, access, ", ".join(missing)))


def _describe_missing(name: str, access: Access, why: str) -> str:
    return (
        f"{access.title} may not keep files in bucket {name} ({why}); run: gcloud storage buckets "
        f"add-iam-policy-binding gs://{name} --member={access.member} --role=roles/storage.objectUser"
    )
