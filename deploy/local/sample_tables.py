"""The tables of the sample: flights from New York City's airports in 2013, in dataset `nyc`.

The data is nycflights13 (Hadley Wickham; CC0), from the US Bureau of Transportation Statistics, the FAA and
the Iowa Environmental Mesonet.
"""

from dataclasses import dataclass

Column = tuple[str, str, str]

_DEPARTURE_HOUR: Column = ("time_hour", "TIMESTAMP", "Scheduled hour of departure, to join weather with")
_CALENDAR: tuple[Column, ...] = (
    ("year", "INT64", "Year, 2013"),
    ("month", "INT64", "Month, 1 to 12"),
    ("day", "INT64", "Day of the month"),
)


@dataclass(frozen=True)
class SampleTable:
    """One table: its file, its columns (name, type, description) and how it is laid out.

    `date_column`, when set, is made of year, month and day, and partitions the table by day.
    """

    name: str
    file: str
    description: str
    columns: tuple[Column, ...]
    date_column: Column | None = None
    cluster_by: tuple[str, ...] = ()


SAMPLE_TABLES = (
    SampleTable(
        "airlines",
        "airlines.csv",
        "Names of airlines by their two-letter code.",
        (
            ("carrier", "STRING", "Two-letter code of the airline"),
            ("name", "STRING", "Full name"),
        ),
    ),
    SampleTable(
        "airports",
        "airports.csv",
        "Names and places of airports.",
        (
            ("faa", "STRING", "FAA code of the airport"),
            ("name", "STRING", "Usual name"),
            ("lat", "FLOAT64", "Latitude in degrees"),
            ("lon", "FLOAT64", "Longitude in degrees"),
            ("alt", "INT64", "Altitude in feet"),
            ("tz", "INT64", "Hours from UTC"),
            ("dst", "STRING", "Daylight saving time: A as in the US, N none, U unknown"),
            ("tzone", "STRING", "IANA time zone"),
        ),
    ),
    SampleTable(
        "planes",
        "planes.csv",
        "Planes by tail number, from the FAA's registry.",
        (
            ("tailnum", "STRING", "Tail number"),
            ("year", "INT64", "Year of manufacture"),
            ("type", "STRING", "Kind of plane"),
            ("manufacturer", "STRING", "Manufacturer"),
            ("model", "STRING", "Model"),
            ("engines", "INT64", "Number of engines"),
            ("seats", "INT64", "Number of seats"),
            ("speed", "INT64", "Average cruising speed in miles an hour"),
            ("engine", "STRING", "Kind of engine"),
        ),
    ),
    SampleTable(
        "weather",
        "weather.csv",
        "Hourly weather at the three airports.",
        (
            ("origin", "STRING", "Weather station: EWR, JFK or LGA"),
            *_CALENDAR,
            ("hour", "INT64", "Hour of the recording"),
            ("temp", "FLOAT64", "Temperature in degrees Fahrenheit"),
            ("dewp", "FLOAT64", "Dewpoint in degrees Fahrenheit"),
            ("humid", "FLOAT64", "Relative humidity in percent"),
            ("wind_dir", "INT64", "Direction of the wind in degrees"),
            ("wind_speed", "FLOAT64", "Speed of the wind in miles an hour"),
            ("wind_gust", "FLOAT64", "Speed of gusts in miles an hour"),
            ("precip", "FLOAT64", "Precipitation in inches"),
            ("pressure", "FLOAT64", "Pressure at sea level in millibars"),
            ("visib", "FLOAT64", "Visibility in miles"),
            ("time_hour", "TIMESTAMP", "Hour of the recording"),
        ),
        date_column=("weather_date", "DATE", "Day of the recording; the table is partitioned by it"),
    ),
    SampleTable(
        "flights",
        "flights.csv.zip",
        "All flights that left New York City's airports EWR, JFK and LGA in 2013.",
        (
            *_CALENDAR,
            ("dep_time", "INT64", "Departure, local time as HHMM; NULL when cancelled"),
            ("sched_dep_time", "INT64", "Scheduled departure, local time as HHMM"),
            ("dep_delay", "INT64", "Delay of departure in minutes, negative when early"),
            ("arr_time", "INT64", "Arrival, local time as HHMM"),
            ("sched_arr_time", "INT64", "Scheduled arrival, local time as HHMM"),
            ("arr_delay", "INT64", "Delay of arrival in minutes, negative when early"),
            ("carrier", "STRING", "Code of the airline, see airlines"),
            ("flight", "INT64", "Flight number"),
            ("tailnum", "STRING", "Tail number, see planes"),
            ("origin", "STRING", "Airport of departure: EWR, JFK or LGA"),
            ("dest", "STRING", "Airport of arrival, see airports"),
            ("air_time", "INT64", "Time in the air in minutes"),
            ("distance", "INT64", "Distance in miles"),
            ("hour", "INT64", "Hour of the scheduled departure"),
            ("minute", "INT64", "Minute of the scheduled departure"),
            _DEPARTURE_HOUR,
        ),
        date_column=("flight_date", "DATE", "Day of the scheduled departure; the table is partitioned by it"),
        cluster_by=("carrier",),
    ),
)
