"""What a query is charged: sizes, estimates, the bill, the query cache and the statistics of a job."""
