"""The command line: dashboards as code from a terminal or a pipeline."""
