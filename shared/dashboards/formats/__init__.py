"""Diagnostics for other readers: SARIF for code scanning, annotations for GitHub, text for a terminal."""
