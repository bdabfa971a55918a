"""One class per table or pair of tables; they flush and never commit."""
