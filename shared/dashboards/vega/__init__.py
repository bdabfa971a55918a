"""Vega-Lite: the part of its schema that a chart may use, and the rules beyond it."""
