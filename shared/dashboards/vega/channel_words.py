"""What each encoding channel of Vega-Lite does, in words and by an example, for the JSON Schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ChannelWords:
    """What a channel is for, and how it is written."""

    description: str
    example: Any


def _nominal(field: str) -> dict[str, str]:
    return {"field": field, "type": "nominal"}


def _quantitative(field: str) -> dict[str, str]:
    return {"field": field, "type": "quantitative"}


def _temporal(field: str) -> dict[str, str]:
    return {"field": field, "type": "temporal"}


CHANNEL_WORDS: Mapping[str, ChannelWords] = {
    # --- position
    "x": ChannelWords("Horizontal position, or the start of a horizontal range.", _temporal("day")),
    "y": ChannelWords("Vertical position, or the start of a vertical range.", _quantitative("delay")),
    "x2": ChannelWords("End of a horizontal range that begins at x.", {"field": "end_day"}),
    "y2": ChannelWords("End of a vertical range that begins at y.", {"field": "highest"}),
    "xOffset": ChannelWords("Shift within the step of x: bars of one group side by side.", _nominal("carrier")),
    "yOffset": ChannelWords("Shift within the step of y: bars of one group below each other.", _nominal("carrier")),
    "xError": ChannelWords("Distance of an error bar from x, on both sides without xError2.", {"field": "margin"}),
    "xError2": ChannelWords("Distance of an error bar from x on its other side.", {"field": "margin_below"}),
    "yError": ChannelWords("Distance of an error bar from y, on both sides without yError2.", {"field": "margin"}),
    "yError2": ChannelWords("Distance of an error bar from y on its other side.", {"field": "margin_below"}),
    # --- circles
    "theta": ChannelWords("Size of an arc's angle, or the angle at which it begins.", _quantitative("flights")),
    "theta2": ChannelWords("Angle at which an arc ends.", {"field": "end_angle"}),
    "radius": ChannelWords("Outer radius of an arc, or the place of text on it.", _quantitative("flights")),
    "radius2": ChannelWords("Inner radius of an arc.", {"field": "inner"}),
    # --- maps
    "longitude": ChannelWords("Longitude of a point, in degrees.", _quantitative("longitude")),
    "latitude": ChannelWords("Latitude of a point, in degrees.", _quantitative("latitude")),
    "longitude2": ChannelWords("Longitude at which a line ends, in degrees.", {"field": "destination_longitude"}),
    "latitude2": ChannelWords("Latitude at which a line ends, in degrees.", {"field": "destination_latitude"}),
    # --- looks
    "color": ChannelWords("Colour of the marks, with a legend.", _nominal("carrier")),
    "fill": ChannelWords("Colour of the inside; stronger than color.", _nominal("carrier")),
    "stroke": ChannelWords("Colour of the outline; stronger than color.", _nominal("carrier")),
    "opacity": ChannelWords("Opacity of the marks, from 0 to 1.", {"value": 0.6}),
    "fillOpacity": ChannelWords("Opacity of the inside, from 0 to 1.", {"value": 0.3}),
    "strokeOpacity": ChannelWords("Opacity of the outline, from 0 to 1.", {"value": 0.8}),
    "strokeWidth": ChannelWords("Width of lines and outlines, in pixels.", {"value": 2}),
    "strokeDash": ChannelWords("Dashes of lines: one pattern per value.", _nominal("kind")),
    "size": ChannelWords("Area of points in square pixels, width of bars, or size of text.", _quantitative("flights")),
    "shape": ChannelWords("Shape of points: one per value.", _nominal("carrier")),
    "angle": ChannelWords("Rotation of points and text, in degrees.", _quantitative("wind_direction")),
    # --- words
    "text": ChannelWords("What the mark text shows.", {**_quantitative("delay"), "format": ".1f"}),
    "tooltip": ChannelWords(
        "What shows while the pointer is over a mark; a list for several lines.",
        [_nominal("carrier"), {**_quantitative("delay"), "title": "Delay in minutes"}],
    ),
    "description": ChannelWords("What a screen reader says of a mark.", _nominal("carrier")),
    "href": ChannelWords("Address that a click on a mark opens.", _nominal("link")),
    "url": ChannelWords("Address of the picture that the mark image shows.", _nominal("picture")),
    # --- order and groups
    "detail": ChannelWords("Groups marks without another look, such as one line per value.", _nominal("carrier")),
    "order": ChannelWords("Order in which marks are stacked, or points are joined.", _temporal("day")),
    "key": ChannelWords("What makes a mark the same one when data changes.", {"field": "flight_id"}),
    "time": ChannelWords("Moment of an animation at which a mark shows.", {"field": "year"}),
    # --- small charts beside each other
    "facet": ChannelWords("One small chart per value, wrapped into rows.", {**_nominal("carrier"), "columns": 3}),
    "row": ChannelWords("One small chart per value, below each other.", _nominal("origin")),
    "column": ChannelWords("One small chart per value, side by side.", _nominal("origin")),
}  # fmt: skip
