"""A picture of the demo for the README, as SVG."""

import html
import io
import re
from pathlib import Path

from rich.console import Console
from rich.padding import Padding

from demo.frame import Frame
from demo.screen import render
from demo.summary import Result, view

WIDTH, HEIGHT = 100, 24
CELL = 12.2
"""How wide rich draws a character, in units of the SVG."""
FONTS = 'ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace'


SPACE = "\N{NO-BREAK SPACE}"
TEXT = re.compile(
    r'<text(?P<a>[^>]*?) x="(?P<x>[\d.]+)"(?P<b>[^>]*?) textLength="[\d.]+"(?P<c>[^>]*)>'
    r"(?P<text>[^<]*)</text>"
)


def save(path: str, frame: Frame, result: Result) -> None:
    """Write one moment and the summary as they look on a terminal."""
    console = Console(
        record=True,
        width=WIDTH,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    console.print(render(frame, WIDTH, HEIGHT))
    console.print()
    console.print(Padding(view(result), (0, 2)))
    svg = console.export_svg(title="make demo", unique_id="demo")
    Path(path).write_text(_own_fonts(_without_margins(svg)), encoding="utf-8")


def _own_fonts(svg: str) -> str:
    """Return the SVG without fonts from the network: a picture must not depend on a host."""
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("font-family: Fira Code, monospace", f"font-family: {FONTS}")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def _without_margins(svg: str) -> str:
    """Return the SVG without spaces around texts, which some programs draw and others do not."""

    def trimmed(match: re.Match[str]) -> str:
        text = html.unescape(match["text"]).replace(SPACE, " ")
        x = float(match["x"]) + CELL * (len(text) - len(text.lstrip()))
        if not (text := text.strip()):
            return ""
        inner = html.escape(text).replace(" ", "&#160;")
        width = CELL * len(text)
        before = f'<text{match["a"]} x="{x:.1f}"{match["b"]} textLength="{width:.1f}"{match["c"]}>'
        return f"{before}{inner}</text>"

    return TEXT.sub(trimmed, svg)
