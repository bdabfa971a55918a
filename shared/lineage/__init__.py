"""Where a dashboard's numbers come from: extraction from SQL, the graph, and its reading."""
