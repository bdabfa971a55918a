"""The tables that the corpus reads: the sample's, GA4's export, and one with every kind of nesting."""

from deploy.local.sample_tables import SAMPLE_TABLES

_ITEM = "STRUCT<item_name STRING, item_category STRING, price FLOAT64, quantity INT64>"
_PARAM = "STRUCT<key STRING, value STRUCT<string_value STRING, int_value INT64, float_value FLOAT64>>"
_EVENTS = {
    "event_date": "STRING",
    "event_timestamp": "INT64",
    "event_name": "STRING",
    "user_pseudo_id": "STRING",
    "event_params": f"ARRAY<{_PARAM}>",
    "items": f"ARRAY<{_ITEM}>",
    "device": "STRUCT<category STRING, web_info STRUCT<browser STRING>>",
    "geo": "STRUCT<country STRING, city STRING>",
    "traffic_source": "STRUCT<source STRING, medium STRING>",
}
_NESTED = {
    "user": "STRING",
    "ts": "TIMESTAMP",
    "day": "DATE",
    "items": "ARRAY<STRUCT<id STRING, price FLOAT64>>",
    "tags": "ARRAY<STRING>",
    "geo": "STRUCT<country STRING, city STRING>",
    "j": "JSON",
}

PARAMETERS = {"origin": "STRING", "days": "INT64", "dests": "ARRAY<STRING>"}
"""Types of the parameters that queries of the corpus take."""


def list_tables() -> dict[str, dict[str, str]]:
    """Column types by column, by `dataset.table`."""
    sample = {
        f"nyc.{table.name}": {
            name: type_
            for name, type_, _ in (*([table.date_column] if table.date_column else []), *table.columns)
        }
        for table in SAMPLE_TABLES
    }
    return {
        **sample,
        "nyc.nested": _NESTED,
        "ga4.events": _EVENTS,
        "ga4.events_*": {**_EVENTS, "_TABLE_SUFFIX": "STRING"},
    }
