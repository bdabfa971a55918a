"""The HTTP edge: manifest, endpoint wrapper, response factory, error mapping, OpenAPI."""
