"""One reading of a BigQuery text."""
