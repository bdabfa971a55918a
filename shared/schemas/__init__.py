"""The API's models; `from_…` builds an answer from what a service returned."""
