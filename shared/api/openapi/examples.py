"""Example bodies for OpenAPI. They work against the sample data; tests hold them against the models."""

SLUG = "nyc-flights"

DASHBOARD_YAML = """\
version: 1
slug: nyc-departures
title: Departures by carrier
owner: data@example.com
dataset: nyc
budget: {per_query: 1 GB}
parameters:
  - {name: origin, type: STRING, values: [JFK, LGA, EWR]}
queries:
  by_carrier:
    sql: |
      SELECT carrier, COUNT(*) AS flights, AVG(dep_delay) AS delay
      FROM flights
      WHERE origin = @origin AND flight_date BETWEEN '2013-01-01' AND '2013-12-31'
      GROUP BY carrier
      ORDER BY flights DESC
charts:
  - id: delays
    title: Mean departure delay
    query: by_carrier
    mark: bar
    encoding:
      x: {field: carrier, type: nominal}
      y: {field: delay, type: quantitative, title: Minutes}
layout:
  - [{chart: delays}]
"""

_ITEM = {"path": "dashboards/nyc-departures.yaml", "yaml": DASHBOARD_YAML}

VALIDATE: dict[str, object] = {"one_file": {"dashboards": [_ITEM]}}
COMPILE: dict[str, object] = {
    "saved": {"slugs": [SLUG]},
    "file": {"dashboards": [_ITEM], "variants": "default"},
}
SAVE: dict[str, object] = {
    "what_would_be": {"dashboards": [{**_ITEM, "expected_version": 0}], "dry_run": True},
    "new": {"dashboards": [{**_ITEM, "expected_version": 0}], "message": "Departures by carrier"},
}
SQL_RUN: dict[str, object] = {
    "sample": {
        "sql": "SELECT carrier, COUNT(*) AS flights FROM flights WHERE origin = @origin "
        "AND flight_date = '2013-07-04' GROUP BY carrier ORDER BY flights DESC",
        "parameters": [{"name": "origin", "type": "STRING", "value": "JFK"}],
        "dataset": "nyc",
        "max_bytes_billed": "100 MB",
        "sample_rows": 10,
    },
    "cost_only": {"sql": "SELECT name FROM nyc.airports", "dry_run": True},
}
PRECOMPUTE: dict[str, object] = {
    "some": {"slugs": [SLUG]},
    "due": {"due": True},
    "all_again": {"all": True, "force": True},
}
VARIANT: dict[str, object] = {"one": {"slug": SLUG, "parameters": {"origin": "LGA"}}}
PROGRESS = (
    '{"event":"query","slug":"nyc-flights","refresh":{…}}\n'
    '{"event":"dashboard","refresh":{…}}\n'
    '{"event":"done"}\n'
)
COMPILE_PROGRESS = (
    '{"event":"started","dashboards":1}\n{"event":"plan","index":0,"result":{…}}\n{"event":"done"}\n'
)
ROLLBACK: dict[str, object] = {"one": [{"slug": SLUG, "to_version": 1}]}
REBIND: dict[str, object] = {"one": {"emails": ["person@example.com"]}}
