"""Tests of the query guard."""
