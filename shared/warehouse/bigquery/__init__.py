"""Google's client: calls, jobs, results, failures, retries."""
