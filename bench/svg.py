# SPDX-License-Identifier: LGPL-2.1-or-later
"""Line charts as SVG, readable on light and on dark ground. Knows nothing of what they show."""
import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 44, 84, 56       # what the axes leave free

STYLE = """
svg { color-scheme: light dark; font: 13px system-ui, sans-serif }
.ground { fill: #ffffff } .text { fill: #1f2328 } .faint { fill: #59636e }
.grid { stroke: #d1d9e0 } .minor { stroke: #eef1f4 } .axis { stroke: #59636e }
.c0 { stroke: #0064a8 } .c1 { stroke: #c04a00 } .c2 { stroke: #1a7f4b } .c3 { stroke: #8a3fb0 }
.line { fill: none; stroke-width: 2 } .dash { stroke-dasharray: 6 4 }
.bar { stroke-width: 1.2; opacity: .7 }
.m0 { fill: #0064a8 } .m1 { fill: #c04a00 } .m2 { fill: #1a7f4b } .m3 { fill: #8a3fb0 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117 } .text { fill: #e6edf3 } .faint { fill: #9198a1 }
.grid { stroke: #3d444d } .minor { stroke: #1c2129 } .axis { stroke: #9198a1 }
.c0 { stroke: #58a6ff } .c1 { stroke: #ff9d4d } .c2 { stroke: #4cc38a } .c3 { stroke: #c68df0 }
.m0 { fill: #58a6ff } .m1 { fill: #ff9d4d } .m2 { fill: #4cc38a } .m3 { fill: #c68df0 }
}
"""


@dataclass
class Point:
    x: float
    y: float
    low: float
    high: float


@dataclass
class Series:
    label: str
    colour: int                 # 0 to 3
    points: list
    dashed: bool = False


@dataclass
class Chart:
    """Both axes are logarithmic, unless the x axis has named places: then a point's x is the
    number of its place."""

    title: str
    x_label: str
    y_label: str
    series: list
    places: list = field(default_factory=list)

    def render(self):
        """The whole document; None if there is nothing to draw."""
        points = [point for one in self.series for point in one.points]
        if not points:
            return None
        y_axis = Axis([point.low for point in points] + [point.high for point in points],
                      HEIGHT - BOTTOM, TOP)
        x_axis = (Places(self.places, LEFT, WIDTH - RIGHT) if self.places else
                  Axis([point.x for point in points], LEFT, WIDTH - RIGHT))
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
                 f'width="{WIDTH}" height="{HEIGHT}" role="img">',
                 f"<title>{escape(self.title)}</title>", f"<style>{STYLE}</style>",
                 f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
                 f'<text class="text" x="{LEFT}" y="26" font-size="16" font-weight="600">'
                 f"{escape(self.title)}</text>"]
        parts += self.frame(x_axis, y_axis)
        parts += self.legend()
        for one in self.series:
            parts += drawn(one, x_axis, y_axis)
        return "\n".join(parts + ["</svg>"]) + "\n"

    def frame(self, x_axis, y_axis):
        for place in y_axis.minor:
            yield line("minor", LEFT, place, WIDTH - RIGHT, place)
        for place in x_axis.minor:
            yield line("minor", place, TOP, place, HEIGHT - BOTTOM)
        for place, text in y_axis.ticks:
            yield line("grid", LEFT, place, WIDTH - RIGHT, place)
            yield label(LEFT - 8, place + 4, text, "faint", "end")
        for place, text in x_axis.ticks:
            yield line("grid", place, TOP, place, HEIGHT - BOTTOM)
            yield label(place, HEIGHT - BOTTOM + 18, text, "faint", "middle")
        yield line("axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM)
        yield label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, self.x_label, "text", "middle")
        middle = (TOP + HEIGHT - BOTTOM) / 2
        yield (f'<text class="text" text-anchor="middle" transform="translate(18 {middle:.1f}) '
               f'rotate(-90)">{escape(self.y_label)}</text>')

    def legend(self):
        """In two rows at the most, above the axes."""
        x, y = LEFT, 48
        for one in self.series:
            width = 44 + 7 * len(one.label)
            if x + width > WIDTH - RIGHT:
                x, y = LEFT, y + 18
            dash = " dash" if one.dashed else ""
            yield f'<path class="line c{one.colour}{dash}" d="M{x} {y - 4}h24"/>'
            yield label(x + 30, y, one.label, "text", "start")
            x += width


class Axis:
    """A logarithmic one, over whole decades."""

    def __init__(self, values, start, end):
        self.low = math.floor(math.log10(min(values)) + 1e-9)
        self.high = max(math.ceil(math.log10(max(values)) - 1e-9), self.low + 1)
        self.start, self.end = start, end
        decades = range(self.low, self.high + 1)
        self.ticks = [(self.at(10.0 ** power), number(10.0 ** power)) for power in decades]
        self.minor = [self.at(digit * 10.0 ** power) for power in decades[:-1]
                      for digit in range(2, 10)]

    def at(self, value):
        part = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)


class Places:
    """One with names instead of numbers."""

    def __init__(self, names, start, end):
        self.start, self.step = start, (end - start) / len(names)
        self.minor = []
        self.ticks = [(self.at(index), name) for index, name in enumerate(names)]

    def at(self, index):
        return self.start + (index + 0.5) * self.step


def number(value):
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} million"
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def line(name, x1, y1, x2, y2):
    return f'<path class="{name}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def label(x, y, text, name, anchor):
    return (f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(text)}</text>")


def drawn(series, x_axis, y_axis):
    """The line, a mark for each median, a bar from the least to the most."""
    places = [(x_axis.at(point.x), y_axis.at(point.y), point) for point in series.points]
    dash = " dash" if series.dashed else ""
    if places:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y, _point in places)
        yield f'<path class="line c{series.colour}{dash}" d="M{path}"/>'
    for x, y, point in places:
        if point.high > point.low:
            yield line(f"bar c{series.colour}", x, y_axis.at(point.low), x, y_axis.at(point.high))
        yield (f'<circle class="m{series.colour}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">'
               f"<title>{escape(series.label)}: {point.y:.3g}</title></circle>")
