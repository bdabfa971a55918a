"""The tables, one module per concern; `registry` imports them all."""
