"""Serving a payload that was computed ahead."""
