"""BigQuery: client, query guard, dry runs, jobs, results, budgets, receipts."""
