"""Draws small charts side by side as one SVG file, readable in a light and in a dark page."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 460, 250
"""Of one panel, in pixels."""

LEFT, RIGHT, TOP, BOTTOM = 34, 210, 46, 30
"""Around the lines of a panel. The names of the lines are at the right."""

COLUMNS = 2
HEAD = 30
"""The height of the title."""

LINE_OF_TEXT = 13

STYLE = """
  text { font: 11px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 14px; font-weight: 600 } .panel { font-weight: 600 } .quiet { fill: #59636e }
  .axis { stroke: #d1d9e0 } .line { stroke: #0969da; fill: none; stroke-width: 2 } circle { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .axis { stroke: #3d444d }
    .line { stroke: #4493f8 } circle { fill: #4493f8 }
  }
"""


class Panel(NamedTuple):
    """One chart."""

    title: str
    sizes: Sequence[int]
    """Along the x axis, on a logarithmic scale."""
    lines: Mapping[str, Sequence[int]]
    """The values of each line, by its name."""


def drawn(title: str, panels: Sequence[Panel]) -> str:
    """Return an SVG file with all panels. Their y axes are the same."""
    most = max(value for panel in panels for values in panel.lines.values() for value in values)
    rows = math.ceil(len(panels) / COLUMNS)
    parts = [
        f'<g transform="translate({number % COLUMNS * WIDTH} {HEAD + number // COLUMNS * HEIGHT})">'
        + "".join(_panel(panel, most))
        + "</g>"
        for number, panel in enumerate(panels)
    ]
    size = f"{COLUMNS * WIDTH} {HEAD + rows * HEIGHT}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img">'
    whole = "\n".join(parts)
    name = f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n{_text(8, 20, title, 'title')}"
    return f"{head}\n{name}\n{whole}\n</svg>\n"


def _panel(panel: Panel, most: int) -> Iterator[str]:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(size: int) -> float:
        first, last = math.log(panel.sizes[0]), math.log(panel.sizes[-1])
        return LEFT + (right - LEFT) * (math.log(size) - first) / (last - first)

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * value / most

    yield _text(8, TOP - 22, panel.title, "panel")
    yield f'<path class="axis" d="M{LEFT} {bottom}H{right}"/>'
    for value in (0, most):
        yield _text(LEFT - 6, y(value) + 4, str(value), "quiet", anchor="end")
    for size in panel.sizes:
        yield _text(x(size), bottom + 16, f"{size:,}", "quiet", anchor="middle")
    same: dict[tuple[int, ...], list[str]] = {}
    for name, values in panel.lines.items():
        same.setdefault(tuple(values), []).append(name)
    for values in same:
        points = [(x(size), y(value)) for size, value in zip(panel.sizes, values, strict=True)]
        yield '<path class="line" d="M' + "L".join(f"{at:.1f} {up:.1f}" for at, up in points) + '"/>'
        yield "".join(f'<circle cx="{at:.1f}" cy="{up:.1f}" r="2.5"/>' for at, up in points)
    ends = sorted(((y(values[-1]), name, values[-1]) for name, values in panel.lines.items()), reverse=True)
    for (_, name, value), place in zip(ends, apart([end for end, _, _ in ends], LINE_OF_TEXT), strict=True):
        yield _text(right + 10, place + 4, f"{value}  {name}")


def apart(places: Sequence[float], gap: float) -> list[float]:
    """Return places, from the lowest on the page upwards, moved up until no two are closer than a gap."""
    moved: list[float] = []
    for place in places:
        moved.append(min(place, moved[-1] - gap) if moved else place)
    return moved


def _text(x: float, y: float, said: str, kind: str = "", *, anchor: str = "start") -> str:
    described = f'class="{kind}" ' if kind else ""
    return f'<text {described}x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'
