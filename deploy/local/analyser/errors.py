"""What the analyser says against a query."""


class RefusedError(Exception):
    """The analyser does not accept the statement; the message is its own, its place written as BigQuery does."""
