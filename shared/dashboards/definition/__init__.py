"""What a dashboard file says: its models, parameters, variants, schedule and JSON Schema."""
