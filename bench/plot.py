"""Horizontal bars as SVG, readable on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

_WIDTH, _LABEL_WIDTH, _VALUE_WIDTH = 760, 250, 110
_BAR_HEIGHT, _STEP, _TITLE_STEP, _MARGIN = 16, 24, 34, 14
_COLOURS = ("#2a78d6", "#8a8f98")


@dataclass(frozen=True)
class Bar:
    """One bar; `is_reference` draws it as what the others are measured against."""

    label: str
    value: float
    text: str
    is_reference: bool = False


def write_bars(path: Path, panels: Sequence[tuple[str, Sequence[Bar]]]) -> None:
    """Write panels of bars, one below the other, each with a scale of its own."""
    parts: list[str] = []
    top = _MARGIN
    for title, bars in panels:
        top += _TITLE_STEP
        parts.append(f'<text class="title" x="{_MARGIN}" y="{top - 12}">{escape(title)}</text>')
        largest = max(bar.value for bar in bars)
        for bar in bars:
            parts.append(_draw(bar, top, largest))
            top += _STEP
    height = top + _MARGIN
    style = (
        "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}"
        ".label{text-anchor:end}.page{fill:#fff}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}}"
    )
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">'
        f"<title>{escape('; '.join(title for title, _ in panels))}</title>"
        f'<style>{style}</style><rect class="page" width="{_WIDTH}" height="{height}"/>'
        + "\n".join(parts)
        + "</svg>\n"
    )


def _draw(bar: Bar, top: int, largest: float) -> str:
    room = _WIDTH - _LABEL_WIDTH - _VALUE_WIDTH - 2 * _MARGIN
    width = max(1.0, bar.value / largest * room)
    left, middle = _LABEL_WIDTH + _MARGIN, top + _BAR_HEIGHT - 4
    return (
        f'<text class="label" x="{left - 8}" y="{middle}">{escape(bar.label)}</text>'
        f'<rect x="{left}" y="{top}" width="{width:.1f}" height="{_BAR_HEIGHT}" rx="2" '
        f'fill="{_COLOURS[bar.is_reference]}"/>'
        f'<text x="{left + width + 6:.1f}" y="{middle}">{escape(bar.text)}</text>'
    )
