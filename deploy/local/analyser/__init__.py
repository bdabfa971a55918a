"""Google's own analyser of GoogleSQL (PyPI `zetasql`, WebAssembly): what BigQuery would say to the text of a query.

The gate asks it about what the emulator refuses, the tests hold our reading of SQL against it. `zetasql` and `wasmtime`
are imported by who asks, not before.
"""
