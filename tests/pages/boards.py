"""Dashboards that a test saves, looks at and takes away again."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.fixtures.stack import RunningStack


@contextmanager
def computed_dashboard(stack: RunningStack, slug: str, yaml: str) -> Iterator[str]:
    """Save and compute a dashboard; it is gone afterwards."""
    body = {"dashboards": [{"path": f"{slug}.yaml", "yaml": yaml}]}
    saved = stack.call("POST", "/dashboards/save", json=body)
    assert saved.status_code == 200, saved.text
    computed = stack.call("POST", "/precompute", json={"slugs": [slug]})
    assert computed.status_code == 200, computed.text
    yield slug
    stack.query("UPDATE dashboards_index SET deleted_at = now() WHERE slug = :slug", slug=slug)
