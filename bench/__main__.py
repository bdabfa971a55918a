"""`python -m bench [NAME …]`: run the measurements named, or all of them."""

import importlib
import sys

BENCHES = (
    "bodies",
    "cold_start",
    "company",
    "data",
    "guard",
    "memory",
    "plan",
    "refresh",
    "restore",
    "validate",
)


def main() -> int:
    """Run the benches named on the command line."""
    names = sys.argv[1:] or list(BENCHES)
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"There is no bench {', '.join(unknown)}; there are: {', '.join(BENCHES)}.", file=sys.stderr)
        return 2
    return max(importlib.import_module(f"bench.{name}").main() for name in names)


sys.exit(main())
