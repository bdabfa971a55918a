"""What the warehouse speaks of: queries, results, tables, the budget of a refresh."""
