"""What a query reads: tables, columns, partitions and the constants that prune them."""
