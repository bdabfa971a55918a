"""Responses of single endpoints that are more than an envelope around a model."""
