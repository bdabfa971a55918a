"""The local stack with a link before each store: `python -m tests.chaos.linked_stack run` supervises it."""

import json
import os
import sys
from collections.abc import Mapping
from unittest import mock

from deploy.local.commands import control
from deploy.local.stack import Stack

ADDRESSES = "CHAOS_ADDRESSES"
"""The environment variable with the settings that lead over the links, as JSON."""


class LinkedStack(Stack):
    """The same servers and functions; the functions find the servers at the links."""

    def build_environment(self) -> dict[str, str]:
        """See `Stack.build_environment`."""
        addresses: Mapping[str, str] = json.loads(os.environ[ADDRESSES])
        return {**super().build_environment(), **addresses}


if __name__ == "__main__":
    with mock.patch.object(control, "Stack", LinkedStack):
        sys.exit(control.run_supervisor())
