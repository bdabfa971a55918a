"""GET /dashboards and below: saved dashboards and their versions."""

from shared.api.call import Call
from shared.api.endpoint import endpoint
from shared.api.responses import Reply
from shared.container import get_container
from shared.dashboards.saved.listing import DashboardSearch
from shared.schemas.drift import DriftResponse
from shared.schemas.paging import DashboardListQuery, PageQuery
from shared.schemas.saved_dashboards import (
    DashboardDetailResponse,
    DashboardListResponse,
    VersionListResponse,
)
from shared.schemas.versions import DiffQuery, VersionDiffResponse


@endpoint("dashboards_read", span="dashboard.read")
def dashboards_read(call: Call) -> Reply:
    """List dashboards, or read one, its versions, one version, or what changed; or find drift."""
    container = get_container()
    saved = container.saved_dashboards
    if call.route == "/dashboards/drift":
        return Reply(DriftResponse.from_entries(container.drift.find_drift()))
    if "slug" not in call.path_parameters:
        search = DashboardSearch(**call.parse_query(DashboardListQuery).model_dump())
        return Reply(DashboardListResponse.from_listing(saved.search(search)))
    slug = call.path_text("slug")
    if call.route == "/dashboards/{slug}/versions":
        page = call.parse_query(PageQuery)
        return Reply(VersionListResponse.from_page(saved.list_versions(slug, page.page, page.page_size)))
    if call.route == "/dashboards/{slug}/diff":
        asked = call.parse_query(DiffQuery)
        comparison = container.version_comparison.compare_versions(slug, asked.from_version, asked.to_version)
        return Reply(VersionDiffResponse.from_comparison(comparison))
    return Reply(DashboardDetailResponse.from_detail(saved.read(slug, call.path_parameters.get("version"))))
