"""The HTTP edge: manifest, endpoint wrapper, response factory, error mapping, OpenAPI."""

from shared.api.garbage import postpone_collection

# Here, before anything else of a function is imported. The endpoint's first answer ends it.
postpone_collection()
