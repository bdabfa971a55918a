"""The sample data, loaded as `make up` loads it, and what queries on it cost."""

import pytest

from deploy.local.sample import load_sample
from tests.metering.conftest import TIMEOUT_SECONDS, Meter

FLIGHTS = 336_776


@pytest.fixture(scope="module")
def lines(meter: Meter) -> list[str]:
    """What loading reported."""
    reported: list[str] = []
    assert load_sample(meter.client, reported.append)
    return reported


def test_loading_reports_every_table(lines: list[str]) -> None:
    assert [line.split(":")[0].split(".")[-1] for line in lines] == [
        "airlines", "airports", "planes", "weather", "flights",
    ]  # fmt: skip


def test_loading_again_does_nothing(meter: Meter, lines: list[str]) -> None:
    more: list[str] = []
    assert not load_sample(meter.client, more.append)
    assert more == []


@pytest.mark.parametrize(
    ("table", "rows"),
    [("flights", FLIGHTS), ("airlines", 16), ("airports", 1458), ("planes", 3322), ("weather", 26115)],
)
def test_every_row_is_there(meter: Meter, lines: list[str], table: str, rows: int) -> None:
    found = meter.run(f"SELECT COUNT(*) FROM nyc.{table}").result(timeout=TIMEOUT_SECONDS)
    assert [tuple(row) for row in found] == [(rows,)]


def test_values_are_typed_and_missing_ones_are_null(meter: Meter, lines: list[str]) -> None:
    sql = """
        SELECT COUNTIF(dep_time IS NULL) AS cancelled, COUNTIF(tailnum IS NULL) AS unknown_plane,
          COUNTIF(tailnum = 'NA') AS untyped, MIN(flight_date) AS first, MAX(flight_date) AS last,
          MIN(time_hour) AS hour, COUNTIF(flight_date != DATE(year, month, day)) AS wrong
        FROM nyc.flights"""
    row = dict(next(iter(meter.run(sql).result(timeout=TIMEOUT_SECONDS))))
    assert (row["cancelled"], row["unknown_plane"], row["untyped"], row["wrong"]) == (8255, 2512, 0, 0)
    assert (str(row["first"]), str(row["last"])) == ("2013-01-01", "2013-12-31")
    assert row["hour"].isoformat() == "2013-01-01T10:00:00+00:00"


def test_tables_and_columns_are_described_partitioned_and_clustered(meter: Meter, lines: list[str]) -> None:
    flights = meter.client.get_table("local.nyc.flights", timeout=TIMEOUT_SECONDS)
    assert "2013" in flights.description
    assert all(field.description for field in flights.schema)
    assert (flights.time_partitioning.field, flights.time_partitioning.type_) == ("flight_date", "DAY")
    assert flights.clustering_fields == ["carrier"]
    weather = meter.client.get_table("local.nyc.weather", timeout=TIMEOUT_SECONDS)
    assert weather.time_partitioning.field == "weather_date"


def test_a_day_of_flights_costs_its_partition(meter: Meter, lines: list[str]) -> None:
    assert meter.bytes_of("SELECT distance FROM nyc.flights") == FLIGHTS * 8
    one_day = meter.bytes_of("SELECT distance, flight_date FROM nyc.flights WHERE flight_date = '2013-01-01'")
    assert one_day == 842 * 16
