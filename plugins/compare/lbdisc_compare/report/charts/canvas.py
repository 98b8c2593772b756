"""A drawing in pixels that becomes an SVG of few bytes, in the colours of the page."""

import io
import re
import warnings
from collections.abc import Mapping
from html import escape
from typing import Any, Literal

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.path import Path as Stroke
from matplotlib.transforms import IdentityTransform

from lbdisc_compare.report.charts.tidying import lean

# Drawn with colours that nobody uses, each of which stands for a variable of the page's style.
INK, SOFT, LINE, BACK = "#010101", "#020202", "#030303", "#040404"
OURS, THEIRS, BAD, SHADE = "#050505", "#060606", "#070707", "#080808"
VARIABLES: Mapping[str, str] = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    BACK: "back",
    OURS: "ours",
    THEIRS: "theirs",
    BAD: "bad",
    SHADE: "shade",
}
LIGHT: Mapping[str, str] = {
    "ink": "#16202c",
    "soft": "#56616f",
    "line": "#dfe4ea",
    "back": "#ffffff",
    "ours": "#0b62a8",
    "theirs": "#b05a00",
    "bad": "#a3195b",
    "shade": "#f0e3ea",
}
DARK: Mapping[str, str] = {
    "ink": "#e8edf3",
    "soft": "#a3afbd",
    "line": "#323c49",
    "back": "#11161d",
    "ours": "#6cb6ff",
    "theirs": "#f2a14a",
    "bad": "#ff85b8",
    "shade": "#33222d",
}
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
WIDTHS: Mapping[str, float] = {"wide": 1000.0, "narrow": 350.0}
DOTS_PER_INCH = 72  # one unit of the SVG is one pixel

Shape = Literal["wide", "narrow"]
SHAPES: tuple[Shape, Shape] = ("wide", "narrow")
_UNTOLD = ("Date", "Creator", "Format", "Type")
_HEX = re.compile(r"#0([1-8])(?:0\1){2}\b")


class Canvas:
    """``width`` is that of the shape, ``height`` in pixels; ``name`` is unlike all others."""

    def __init__(self, name: str, shape: Shape, height: float, title: str) -> None:
        self.name = name
        self.shape = shape
        self.title = title
        self.width, self.height = WIDTHS[shape], height
        inches = (self.width / DOTS_PER_INCH, height / DOTS_PER_INCH)
        self._drawing = Drawing(figsize=inches, dpi=DOTS_PER_INCH, facecolor="none")
        self._marks: dict[str, tuple[Mapping[str, str], str]] = {}

    @property
    def wide(self) -> bool:
        return self.shape == "wide"

    def axes(self, *, left: float, right: float, top: float, bottom: float) -> Axes:
        """Axes with these margins in pixels, with nothing but a line below."""
        box = (
            left / self.width,
            bottom / self.height,
            (self.width - left - right) / self.width,
            (self.height - top - bottom) / self.height,
        )
        axes = self._drawing.add_axes(box)
        axes.set_facecolor("none")
        for side in ("left", "right", "top"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(LINE)
        axes.tick_params(colors=SOFT, labelsize=12, length=0, pad=6)
        axes.yaxis.set_visible(False)
        return axes

    def text(self, axes: Axes, x: float, y: float, words: str, **style: Any) -> None:
        """``words`` as they are, at a share of the width and a height of the data."""
        transform = axes.get_yaxis_transform()
        style = {"color": INK, "fontsize": 13.0, "va": "center", **style}
        axes.text(x, y, harmless(words), transform=transform, parse_math=False, **style)

    def place(self, axes: Axes, x: float, y: float, words: str, **style: Any) -> None:
        """``words`` at these pixels from the lower left corner."""
        style = {"color": INK, "fontsize": 13.0, "va": "center", **style}
        words = harmless(words)
        axes.text(x, y, words, transform=IdentityTransform(), parse_math=False, **style)

    def mark(self, artist: Artist, said: str, **of: str) -> None:
        """What is drawn for ``of``; ``said`` is shown when it is pointed at."""
        key = f"mark-{len(self._marks)}"
        artist.set_gid(key)
        self._marks[key] = (of, said)

    def svg(self) -> str:
        """The drawing; what has identifiers has them to itself."""
        out = io.StringIO()
        with matplotlib.rc_context(), warnings.catch_warnings():
            # A letter that the measuring font lacks is drawn by the page's own font.
            warnings.simplefilter("ignore")
            matplotlib.rcParams["svg.fonttype"] = "none"
            matplotlib.rcParams["svg.hashsalt"] = f"{self.name}-{self.shape}"
            self._drawing.savefig(
                out, format="svg", facecolor="none", metadata=dict.fromkeys(_UNTOLD)
            )
        return self._tidied(out.getvalue())

    def _tidied(self, text: str) -> str:
        body = text[text.index(">", text.index("<svg")) + 1 :]
        used = set(re.findall(r"href=\"#([\w-]+)\"", body))
        body = re.sub(r' id="([^"]*)"', lambda found: self._named(found[1], used), body)
        body = _HEX.sub(_variable, lean(body))
        body = re.sub(r"'DejaVu Sans'[^;\"]*", "var(--font)", body)
        body = re.sub(r"(<g class=\"mark\" data-n=\"(mark-\d+)\">)", self._told, body)
        head = (
            f'<svg class="{self.shape}" role="img" aria-label="{escape(harmless(self.title))}"'
            f' style="stroke-linejoin: round" viewBox="0 0 {self.width:g} {self.height:g}"'
            ' xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        )
        return head + body

    def _named(self, name: str, used: set[str]) -> str:
        if name in self._marks:
            return f' class="mark" data-n="{name}"'
        return f' id="{name}"' if name in used else ""

    def _told(self, found: re.Match[str]) -> str:
        of, said = self._marks[found[2]]
        attributes = "".join(
            f' data-{name}="{escape(harmless(value))}"' for name, value in of.items() if value
        )
        return f'<g class="mark"{attributes}><title>{escape(harmless(said))}</title>'


def dots(points: list[tuple[float, float]]) -> Stroke:
    """Strokes without length: with round ends they are dots, of a few bytes each."""
    vertices = [point for point in points for _ in range(2)]
    codes = [Stroke.MOVETO, Stroke.LINETO] * len(points)
    stroke = Stroke(vertices, codes)
    stroke.should_simplify = False
    return stroke


def harmless(text: str) -> str:
    """``text`` without what XML cannot hold, on one line."""
    kept = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(kept.encode("utf-8", "replace").decode().split())


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _variable(found: re.Match[str]) -> str:
    return f"var(--{VARIABLES[found[0]]})"


def fixed(svg: str, colours: Mapping[str, str]) -> str:
    """An SVG that stands alone, with these colours and on their ground."""
    for name, colour in colours.items():
        svg = svg.replace(f"var(--{name})", colour)
    svg = svg.replace("var(--font)", FONTS.replace('"', "'"))
    ground = f'<rect width="100%" height="100%" fill="{colours["back"]}"/>'
    return svg.replace(">", f">{ground}", 1)
