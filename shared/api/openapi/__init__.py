"""The OpenAPI document, made from the manifest and the API models."""
