"""The library that every function imports."""

import os

# Pydantic would look for plugins among all installed packages, which takes a twentieth of a cold start; there are none.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
