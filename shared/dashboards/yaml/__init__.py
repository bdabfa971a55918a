"""YAML text to values with positions: reading, scalars, syntax errors."""
