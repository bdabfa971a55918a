"""Vega-Lite: the part of its schema that a chart may use, and what its channels are for."""
