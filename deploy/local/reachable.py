"""What a client of the stack needs to know about it, however the stack runs."""

from typing import Protocol


class ReachableStack(Protocol):
    """A stack that runs somewhere: as processes, or in containers."""

    @property
    def url(self) -> str:
        """The router's address."""
        ...

    def fetch_token(self, email: str) -> str:
        """An ID token of one of the local accounts, good for an hour."""
        ...
