"""Charts as SVG: lines, bands and bars in panels side by side. Text in, text out.

They are legible on light and on dark pages, and without colours: every line has its own dashes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_WIDTH: Final = 400
_HEIGHT: Final = 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 14, 34, 44
_LINE: Final = 17
_COLOURS: Final = ("#1f77b4", "#d1495b", "#3f8f4e", "#b07d2b", "#7d5ba6", "#5a6b7b")
_DASHES: Final = ("", "7 3", "2 2", "8 3 2 3", "4 4", "12 4")
_STYLE: Final = """\
text{font:12px system-ui,sans-serif;fill:#57606a}
.title{font-weight:600;font-size:13px}
.axis{stroke:#8c959f;fill:none}
.grid{stroke:#8c959f;stroke-opacity:.25;fill:none}
@media (prefers-color-scheme:dark){text{fill:#adbac7}}"""


@dataclass(frozen=True, slots=True)
class Line:
    """Points in order of x, drawn as a line; as steps if `steps`. `label` goes to the legend."""

    points: Sequence[tuple[float, float]]
    label: str = ""
    steps: bool = False
    marks: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """The area between two values at each x."""

    points: Sequence[tuple[float, float, float]]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """One bar for each (from, to, height)."""

    bars: Sequence[tuple[float, float, float]]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart. With `log_x` or `log_y` what is not above 0 is left out.

    `x_names` stand at whole numbers from 0 on, in place of figures; `x_ticks` are the figures, if
    round ones are not wanted, and the axis reaches all of them.
    """

    title: str
    x: str
    y: str
    layers: Sequence[Line | Band | Bars]
    log_x: bool = False
    log_y: bool = False
    x_names: Sequence[str] = ()
    x_ticks: Sequence[float] = ()
    top: float | None = None


def svg(panels: Sequence[Panel], columns: int = 3) -> str:
    """Return the panels as one SVG document, `columns` side by side; one legend below all."""
    columns = max(1, min(columns, len(panels)))
    rows = math.ceil(len(panels) / columns)
    labels = list(dict.fromkeys(layer.label for p in panels for layer in p.layers if layer.label))
    width, plots = columns * _WIDTH, rows * _HEIGHT
    height = plots + (_LINE + 12 if labels else 0)
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        f"<style>{_STYLE}</style>",
    ]
    for number, panel in enumerate(panels):
        x, y = number % columns * _WIDTH, number // columns * _HEIGHT
        parts.append(f'<g transform="translate({x} {y})">')
        parts += _panel(panel, labels)
        parts.append("</g>")
    parts += _legend(labels, plots + 12, width)
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """From values to positions, linear or logarithmic."""

    def __init__(self, low: float, high: float, start: float, end: float, log: bool) -> None:
        self.log = log
        self.low, self.high = (math.log10(low), math.log10(high)) if log else (low, high)
        if self.high <= self.low:
            self.high = self.low + 1.0
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        at = math.log10(value) if self.log else value
        share = (at - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        if self.log:
            return [10.0**k for k in range(math.ceil(self.low), math.floor(self.high) + 1)]
        step = 10 ** math.floor(math.log10((self.high - self.low) / 4))
        step *= next(m for m in (1, 2, 5, 10) if (self.high - self.low) / (step * m) <= 6)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [k * step for k in range(first, last + 1)]


def _panel(panel: Panel, labels: Sequence[str]) -> Iterator[str]:
    x, y = _scales(panel)
    left, right, top, bottom = _LEFT, _WIDTH - _RIGHT, _TOP, _HEIGHT - _BOTTOM
    yield f'<text class="title" x="{left}" y="{top - 14}">{escape(panel.title)}</text>'
    for tick in y.ticks():
        at = _n(y(tick))
        yield f'<path class="grid" d="M{left} {at}H{right}"/>'
        yield f'<text x="{left - 6}" y="{at}" dy="4" text-anchor="end">{_figure(tick)}</text>'
    names = [(float(k), name) for k, name in enumerate(panel.x_names)]
    for tick, name in names or [(tick, _figure(tick)) for tick in panel.x_ticks or x.ticks()]:
        at = _n(x(tick))
        yield f'<text x="{at}" y="{bottom + 16}" text-anchor="middle">{escape(name)}</text>'
    for number, layer in enumerate(panel.layers):
        style = labels.index(layer.label) if layer.label else number
        yield from _layer(layer, x, y, style)
    yield f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>'
    middle = (left + right) / 2
    yield f'<text x="{middle}" y="{bottom + 34}" text-anchor="middle">{escape(panel.x)}</text>'
    yield (
        f'<text transform="translate(13 {(top + bottom) / 2}) rotate(-90)"'
        f' text-anchor="middle">{escape(panel.y)}</text>'
    )


def _scales(panel: Panel) -> tuple[_Scale, _Scale]:
    xs = [*map(float, range(len(panel.x_names))), *panel.x_ticks]
    ys: list[float] = []
    for layer in panel.layers:
        for point in layer.bars if isinstance(layer, Bars) else layer.points:
            xs += point[:2] if isinstance(layer, Bars) else point[:1]
            ys += point[2:] if isinstance(layer, Bars) else point[1:]
    xs, ys = _usable(xs, panel.log_x), _usable(ys, panel.log_y)
    low, high = (min(ys), max(ys)) if panel.log_y else (0.0, panel.top or max(ys) * 1.05 or 1.0)
    if panel.log_y:
        low, high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high) + 1e-9)
    margin = 0.4 if panel.x_names else 0.0
    return (
        _Scale(min(xs) - margin, max(xs) + margin, _LEFT, _WIDTH - _RIGHT, panel.log_x),
        _Scale(low, high, _HEIGHT - _BOTTOM, _TOP, panel.log_y),
    )


def _usable(values: Sequence[float], log: bool) -> list[float]:
    return [value for value in values if not log or value > 0] or [1.0]


def _layer(layer: Line | Band | Bars, x: _Scale, y: _Scale, style: int) -> Iterator[str]:
    colour = _COLOURS[style % len(_COLOURS)]
    if isinstance(layer, Bars):
        base = y.start
        for start, end, height in layer.bars:
            left, right, top = x(start), x(end), y(height)
            yield (
                f'<rect x="{_n(left + 0.5)}" y="{_n(top)}" width="{_n(max(1, right - left - 1))}"'
                f' height="{_n(max(0, base - top))}" fill="{colour}" fill-opacity=".7"/>'
            )
        return
    if isinstance(layer, Band):
        there = [f"{_n(x(at))} {_n(y(high))}" for at, _, high in layer.points]
        back = [f"{_n(x(at))} {_n(y(low))}" for at, low, _ in reversed(layer.points)]
        yield f'<path d="M{" L".join([*there, *back])}Z" fill="{colour}" fill-opacity=".2"/>'
        return
    points = [(at, v) for at, v in layer.points if (v > 0 or not y.log) and (at > 0 or not x.log)]
    if not points:
        return
    path = f"M{_n(x(points[0][0]))} {_n(y(points[0][1]))}"
    for at, value in points[1:]:
        path += f"H{_n(x(at))}V{_n(y(value))}" if layer.steps else f"L{_n(x(at))} {_n(y(value))}"
    dashes = f' stroke-dasharray="{_DASHES[style % len(_DASHES)]}"' if style else ""
    yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
    for at, value in points if layer.marks else ():
        yield f'<circle cx="{_n(x(at))}" cy="{_n(y(value))}" r="3" fill="{colour}"/>'


def _legend(labels: Sequence[str], top: int, width: int) -> Iterator[str]:
    """Yield the labels in one row; they share the width by their lengths."""
    whole = sum(map(_label_width, labels))
    stretch = min(1.3, (width - 40) / whole) if whole else 1.0
    left = 20.0
    for number, label in enumerate(labels):
        colour, dashes = _COLOURS[number % len(_COLOURS)], _DASHES[number % len(_DASHES)]
        yield (
            f'<path d="M{_n(left)} {top}h28" stroke="{colour}" stroke-width="3"'
            f' stroke-dasharray="{dashes}"/>'
            f'<text x="{_n(left + 34)}" y="{top}" dy="4">{escape(label)}</text>'
        )
        left += _label_width(label) * stretch


def _label_width(label: str) -> float:
    return 60.0 + 6.5 * len(label)


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _figure(value: float) -> str:
    return f"{value:,.10g}" if abs(value) >= 1 else f"{value:.3g}"
