"""From query results to the payload of a variant, kept and served."""
