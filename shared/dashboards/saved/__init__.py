"""Saved dashboards: catalog of versions, heads, listing, semantic differences."""
