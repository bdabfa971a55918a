"""The shape of a file: the published JSON Schema's verdict, and what an author should hear of it."""
