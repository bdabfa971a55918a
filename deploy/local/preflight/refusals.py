"""What a refusal of Google's is about, by the reasons of its error body.

Sources: https://cloud.google.com/bigquery/docs/error-messages (reasons of BigQuery) and
https://cloud.google.com/apis/design/errors (ErrorInfo: SERVICE_DISABLED, USER_PROJECT_DENIED).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy.local.preflight.access import LOGIN, PreflightError

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError
    from google.api_core.retry import Retry

_DISABLED = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})


@contextmanager
def explained(api: str, project: str) -> Iterator[None]:
    """Turns into a PreflightError what may be wrong with any call of `api` (such as `bigquery.googleapis.com`).

    Other refusals, such as a missing permission, go through as Google's client raises them.
    """
    import requests
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except GoogleAPICallError as error:
        if said := _describe(error, api, project):
            raise PreflightError(said) from error
        raise
    except GoogleAuthError as error:
        raise PreflightError(f"Google does not accept the credentials ({error}); run: {LOGIN}") from error
    except (requests.RequestException, RetryError, TimeoutError) as error:
        raise PreflightError(
            f"{api} cannot be reached ({error}); check the network and HTTPS_PROXY, then run: make up"
        ) from error


def make_single_try() -> "Retry":
    """A call is made once: Google's clients would try for ten minutes, while somebody waits at a terminal."""
    from google.api_core.retry import Retry

    return Retry(predicate=lambda _: False)


def quote(error: "GoogleAPICallError") -> str:
    """Google's own words, without the address and the job that its client adds."""
    own = next(
        (str(one["message"]) for one in error.errors if isinstance(one, dict) and "message" in one), ""
    )
    return (own or str(error.message)).splitlines()[0]


def _describe(error: "GoogleAPICallError", api: str, project: str) -> str | None:
    reasons = {str(one.get("reason")) for one in error.errors if isinstance(one, dict)} | {error.reason}
    message = quote(error)
    if reasons & _DISABLED or "has not enabled BigQuery" in message:
        return f"The API is not enabled in project {project}; run: gcloud services enable {api} --project={project}"
    if "USER_PROJECT_DENIED" in reasons:
        return (
            f"The credentials bill their calls to another project, which does not let them; "
            f"run: gcloud auth application-default set-quota-project {project}"
        )
    if error.code == 401:
        return f"Google does not accept the credentials ({message}); run: {LOGIN}"
    if error.code is not None and error.code >= 500:
        return f"{api} is out of order ({error.code}: {message}); in a moment run: make up"
    return None
