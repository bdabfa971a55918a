"""A refresh: which queries are due, one job for each, leases, outcomes, reports."""
