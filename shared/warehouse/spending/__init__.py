"""Money: budgets, caps, reservations, receipts, the cost report."""
