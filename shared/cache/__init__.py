"""One cache adapter: in this process, or in Redis."""
