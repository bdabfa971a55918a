"""Refreshing queries ahead of time, encoding payloads, serving them."""
