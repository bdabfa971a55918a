"""Everything the service stands on hangs, breaks and dies, under load; what it promised holds all the same."""
