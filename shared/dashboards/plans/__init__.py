"""From a checked definition to a plan: queries, fingerprints, dry runs, bytes and dollars."""
