"""One entry per route and method of the manifest: which models it takes and answers, and how it can fail."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from shared.api.openapi import examples as examples
from shared.api.openapi import media as media
from shared.api.openapi.media import JsonObject, Media
from shared.errors import ErrorCode
from shared.schemas.auth import (
    RebindRequest,
    RebindResponse,
    SessionListResponse,
    SessionResponse,
    SignInConfigResponse,
)
from shared.schemas.costs import CostQuery, CostResponse
from shared.schemas.dashboards import ValidateRequest, ValidateResponse
from shared.schemas.data import DataResponse
from shared.schemas.drift import DriftResponse, RepairResponse
from shared.schemas.lineage import LineageImpactQuery, LineageImpactResponse, LineageQuery, LineageResponse
from shared.schemas.paging import DashboardListQuery, PageQuery
from shared.schemas.plans import CompileRequest, CompileResponse
from shared.schemas.precompute import PrecomputeRequest, PrecomputeResponse, VariantRequest
from shared.schemas.rollbacks import RollbackRequest
from shared.schemas.saved_dashboards import (
    DashboardDetailResponse,
    DashboardListResponse,
    VersionListResponse,
)
from shared.schemas.saves import SaveRequest, SaveResponse
from shared.schemas.sql import SqlRunRequest, SqlRunResponse
from shared.schemas.versions import DiffQuery, VersionDiffResponse


@dataclass(frozen=True)
class Operation:
    """What OpenAPI says about one call, beside what the manifest says.

    `answer` is the `data` of the envelope; without one the call answers `media` only, or nothing at all.
    `errors` are the codes beyond those every call of its kind shares (sign-in, body, query string).
    """

    action: str
    tag: str
    summary: str
    description: str = ""
    body: type[BaseModel] | None = None
    body_media: tuple[Media, ...] = ()
    body_examples: Mapping[str, object] | None = None
    query: type[BaseModel] | None = None
    parameters: tuple[JsonObject, ...] = ()
    status: int = 200
    answer: type[BaseModel] | None = None
    media: tuple[Media, ...] = ()
    headers: tuple[str, ...] = ()
    not_modified: bool = False
    invalid_answer: bool = False
    errors: tuple[ErrorCode, ...] = ()


_WAREHOUSE = (ErrorCode.RATE_LIMITED, ErrorCode.WAREHOUSE_UNAVAILABLE, ErrorCode.WAREHOUSE_TIMEOUT)


def _page(action: str, summary: str) -> Operation:
    return Operation(action=action, tag="Documents", summary=summary, media=(media.HTML,))


OPERATIONS: Mapping[tuple[str, str, str], Operation] = {
    ("dashboards_validate", "/dashboards/validate", "POST"): Operation(
        action="run",
        tag="Dashboards",
        summary="Find everything wrong with dashboard files",
        description="Reads no table and costs nothing. An invalid file is an answer, not an error.",
        body=ValidateRequest,
        body_media=(media.YAML,),
        body_examples=examples.VALIDATE,
        answer=ValidateResponse,
        media=(media.SARIF,),
    ),
    ("dashboards_compile", "/dashboards/compile", "POST"): Operation(
        action="run",
        tag="Dashboards",
        summary="Plan a refresh by dry runs: schema, tables, bytes, dollars",
        description="Bills nothing. Answers 422 with the same body when one of the dashboards is invalid.",
        body=CompileRequest,
        body_media=(media.YAML,),
        body_examples=examples.COMPILE,
        answer=CompileResponse,
        media=(media.COMPILE_NDJSON,),
        invalid_answer=True,
        errors=(ErrorCode.NOT_FOUND, *_WAREHOUSE),
    ),
    ("dashboards_save", "/dashboards/save", "POST"): Operation(
        action="run",
        tag="Dashboards",
        summary="Save a new version of each dashboard, all or none",
        description="Content that is saved already makes no version. `If-Match` and `dry_run` in the query "
        "string belong to the YAML form; JSON has `expected_version` and `dry_run`.",
        body=SaveRequest,
        body_media=(media.YAML,),
        body_examples=examples.SAVE,
        parameters=(media.IF_MATCH, media.DRY_RUN),
        answer=SaveResponse,
        errors=(ErrorCode.CONFLICT, ErrorCode.VALIDATION_FAILED, *_WAREHOUSE),
    ),
    ("dashboards_read", "/dashboards", "GET"): Operation(
        action="list",
        tag="Dashboards",
        summary="List saved dashboards in slug order",
        query=DashboardListQuery,
        answer=DashboardListResponse,
    ),
    ("dashboards_read", "/dashboards/{slug}", "GET"): Operation(
        action="get",
        tag="Dashboards",
        summary="Read a dashboard with its current text",
        answer=DashboardDetailResponse,
        errors=(ErrorCode.NOT_FOUND,),
    ),
    ("dashboards_read", "/dashboards/{slug}/versions", "GET"): Operation(
        action="list_versions",
        tag="Dashboards",
        summary="List the versions of a dashboard, the latest first",
        query=PageQuery,
        answer=VersionListResponse,
        errors=(ErrorCode.NOT_FOUND,),
    ),
    ("dashboards_read", "/dashboards/{slug}/versions/{version:int}", "GET"): Operation(
        action="get_version",
        tag="Dashboards",
        summary="Read one version of a dashboard",
        answer=DashboardDetailResponse,
        errors=(ErrorCode.NOT_FOUND,),
    ),
    ("dashboards_read", "/dashboards/{slug}/diff", "GET"): Operation(
        action="diff",
        tag="Dashboards",
        summary="Compare two versions: by meaning, by line, by cost",
        query=DiffQuery,
        answer=VersionDiffResponse,
        errors=(ErrorCode.NOT_FOUND,),
    ),
    ("dashboards_rollback", "/dashboards/rollback", "POST"): Operation(
        action="run",
        tag="Dashboards",
        summary="Give dashboards the content of an earlier version, all or none",
        description="Each becomes a new version. What is computed already for its queries is served at once.",
        body=RollbackRequest,
        body_examples=examples.ROLLBACK,
        parameters=(media.ROLLBACK_DRY_RUN,),
        answer=SaveResponse,
        errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT, ErrorCode.VALIDATION_FAILED, *_WAREHOUSE),
    ),
    ("dashboards_read", "/dashboards/drift", "GET"): Operation(
        action="find_drift",
        tag="Dashboards",
        summary="Find where saved versions and the files in the store differ",
        answer=DriftResponse,
    ),
    ("dashboards_repair", "/dashboards/drift/repair", "POST"): Operation(
        action="run",
        tag="Dashboards",
        summary="Finish what an interrupted save left to do",
        description="Writes the files of pending versions. A file changed outside keeps its content.",
        answer=RepairResponse,
    ),
    ("sql_run", "/sql/run", "POST"): Operation(
        action="query",
        tag="Queries",
        summary="Plan one SELECT, or run it for at most 100 rows",
        description="Runs under guard, cap and budget; the receipt says what it cost. Of the rows at most 10 MB are "
        "answered, and `truncated` says when some are missing.",
        body=SqlRunRequest,
        body_examples=examples.SQL_RUN,
        answer=SqlRunResponse,
        errors=(
            ErrorCode.NOT_FOUND,
            ErrorCode.SQL_NOT_ALLOWED,
            ErrorCode.SQL_INVALID,
            ErrorCode.TABLE_NOT_ALLOWED,
            ErrorCode.BYTES_LIMIT_EXCEEDED,
            ErrorCode.BUDGET_EXCEEDED,
            *_WAREHOUSE,
        ),
    ),
    ("precompute", "/precompute", "POST"): Operation(
        action="run",
        tag="Data",
        summary="Bring dashboards up to date",
        description="A query whose tables did not change bills nothing; one that fails keeps its last good "
        "result and says so in its own entry.",
        body=PrecomputeRequest,
        body_examples=examples.PRECOMPUTE,
        answer=PrecomputeResponse,
        media=(media.NDJSON,),
        errors=(ErrorCode.NOT_FOUND, *_WAREHOUSE),
    ),
    ("precompute", "/precompute/variant", "POST"): Operation(
        action="run_variant",
        tag="Data",
        summary="Compute one variant on demand",
        description="Values that are not listed are computed where the dashboard says `allow_other`, under "
        "the caller's budget; any viewer may ask for them. Listed values and `force` take an editor. A variant "
        "whose tables did not change bills nothing.",
        body=VariantRequest,
        body_examples=examples.VARIANT,
        answer=PrecomputeResponse,
        media=(media.NDJSON,),
        errors=(ErrorCode.NOT_FOUND, *_WAREHOUSE),
    ),
    ("data", "/data/{slug}", "GET"): Operation(
        action="get",
        tag="Data",
        summary="Read the precomputed answer of a dashboard",
        description="Never asks the warehouse. With `query` and `Accept: application/vnd.apache.arrow.stream` "
        "the answer is that query's result as an Arrow IPC stream.",
        parameters=(media.DASHBOARD_PARAMETERS, media.QUERY, media.IF_NONE_MATCH),
        answer=DataResponse,
        media=(media.ARROW,),
        headers=(
            "ETag",
            "Almanac-As-Of",
            "Almanac-Checked-At",
            "Almanac-Stale",
            "Almanac-Degraded",
            "X-Almanac-As-Of",
            "X-Almanac-Checked-At",
            "X-Almanac-Stale",
        ),
        not_modified=True,
        errors=(ErrorCode.INVALID_REQUEST, ErrorCode.NOT_FOUND, ErrorCode.PAYLOAD_NOT_READY),
    ),
    ("costs", "/costs", "GET"): Operation(
        action="get",
        tag="Costs",
        summary="Read what was billed by user, dashboard, day and environment, and what is left today",
        description="Other users' lines are for administrators; everybody sees their own.",
        query=CostQuery,
        answer=CostResponse,
    ),
    ("lineage", "/lineage", "GET"): Operation(
        action="impact",
        tag="Lineage",
        summary="Read what a table or column feeds, over all dashboards, a page of them at a time",
        query=LineageImpactQuery,
        answer=LineageImpactResponse,
        media=(media.OPENLINEAGE,),
    ),
    ("lineage", "/lineage/{slug}", "GET"): Operation(
        action="get",
        tag="Lineage",
        summary="Read what feeds a dashboard: tables, columns, queries, charts",
        query=LineageQuery,
        answer=LineageResponse,
        media=(media.OPENLINEAGE,),
        errors=(ErrorCode.NOT_FOUND,),
    ),
    ("auth", "/auth/login", "GET"): Operation(
        action="login",
        tag="Sign-in",
        summary="Begin to sign in; redirects to the identity provider",
        parameters=(media.RETURN_TO,),
        status=302,
        headers=("Location", "Set-Cookie"),
        errors=(ErrorCode.INVALID_REQUEST, ErrorCode.RATE_LIMITED, ErrorCode.DEPENDENCY_UNAVAILABLE),
    ),
    ("auth", "/auth/callback", "GET"): Operation(
        action="callback",
        tag="Sign-in",
        summary="Where the identity provider sends the browser back to",
        parameters=media.CALLBACK,
        status=302,
        headers=("Location", "Set-Cookie"),
        errors=(
            ErrorCode.INVALID_REQUEST,
            ErrorCode.UNAUTHENTICATED,
            ErrorCode.FORBIDDEN,
            ErrorCode.DEPENDENCY_UNAVAILABLE,
        ),
    ),
    ("auth", "/auth/config", "GET"): Operation(
        action="config",
        tag="Sign-in",
        summary="How the command line signs people in: the identity provider and a public OAuth client",
        answer=SignInConfigResponse,
    ),
    ("auth", "/auth/logout", "POST"): Operation(
        action="logout",
        tag="Sign-in",
        summary="Revoke the session",
        status=204,
        headers=("Set-Cookie",),
    ),
    ("auth", "/auth/session", "GET"): Operation(
        action="session",
        tag="Sign-in",
        summary="Who is signed in, and the CSRF token of the session",
        answer=SessionResponse,
    ),
    ("auth", "/auth/verify", "GET"): Operation(
        action="verify",
        tag="Sign-in",
        summary="Answer 204 when the caller is signed in; meant for a proxy's subrequest",
        status=204,
        headers=("X-Almanac-User",),
    ),
    ("auth", "/auth/sessions", "GET"): Operation(
        action="list_sessions",
        tag="Sign-in",
        summary="Where the caller is signed in",
        answer=SessionListResponse,
    ),
    ("auth", "/auth/sessions/{session_id}", "DELETE"): Operation(
        action="revoke_session",
        tag="Sign-in",
        summary="End one of the caller's sessions",
        status=204,
        headers=("Set-Cookie",),
        errors=(ErrorCode.NOT_FOUND,),
    ),
    ("auth", "/auth/accounts/rebind", "POST"): Operation(
        action="rebind_accounts",
        tag="Sign-in",
        summary="Let the next sign-in under each address say which account it is",
        description="An address is bound to the account that first signed in under it. When the address is given to "
        "somebody else, an administrator unbinds it here; its open sessions end.",
        body=RebindRequest,
        body_examples=examples.REBIND,
        answer=RebindResponse,
    ),
    ("viewer", "/", "GET"): _page("home", "The list of dashboards"),
    ("viewer", "/view/{slug}", "GET"): _page("view", "A dashboard, drawn"),
    ("viewer", "/view/{slug}/lineage", "GET"): _page("view_lineage", "The lineage of a dashboard, drawn"),
    ("viewer", "/edit/{slug}", "GET"): _page("edit", "The editor of a dashboard; `new` begins one"),
    ("viewer", "/docs", "GET"): _page("docs", "This document, to browse and try out"),
    ("viewer", "/sessions", "GET"): _page("sessions", "The visitor's sessions"),
    ("viewer", "/signed-out", "GET"): _page("signed_out", "What is shown after signing out"),
    ("viewer", "/icon.svg", "GET"): Operation(
        action="icon",
        tag="Documents",
        summary="The sign of the service; nginx answers /favicon.ico with it",
        media=(media.SVG,),
    ),
    ("viewer", "/assets/{name}", "GET"): Operation(
        action="asset",
        tag="Documents",
        summary="A script, style or picture of the pages; its name changes with its content",
        media=(media.SCRIPT, media.STYLE, media.SVG),
        errors=(ErrorCode.NOT_FOUND,),
    ),
    ("viewer", "/schema/dashboard.json", "GET"): Operation(
        action="schema",
        tag="Documents",
        summary="The JSON Schema of dashboard files, for editors",
        media=(media.JSON_SCHEMA,),
    ),
    ("viewer", "/openapi.json", "GET"): Operation(
        action="openapi", tag="Documents", summary="This document", media=(media.OPENAPI,)
    ),
}
"""(function, path template, method) to what is said about it. A test holds it against the manifest."""
