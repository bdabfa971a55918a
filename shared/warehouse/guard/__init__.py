"""What may reach BigQuery: one SELECT over allowed tables, checked before a byte is spent."""
