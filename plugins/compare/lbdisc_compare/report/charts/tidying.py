"""SVG as matplotlib writes it, without what a page needs not carry."""

import re
from collections.abc import Iterator

MANY = 60  # words of a path from which on a whole pixel is exact enough: dots, lanes, strokes
TAG = re.compile(r"<[^>]+>")
_LONG = re.compile(r"-?\d+\.\d{2,}")
_UNSEEN = (
    re.compile(r"<metadata>.*?</metadata>", re.DOTALL),
    re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL),
    re.compile(r"<defs>\s*<clipPath.*?</defs>", re.DOTALL),
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r'<path [^>]*style="fill: none"/>'),  # the ground, which is the page's
    re.compile(r' clip-path="[^"]*"'),  # nothing is drawn beyond the axes
    re.compile(r' transform="rotate\(-0 [^"]*\)"'),
    re.compile(r"; stroke-linecap: square(?=\")"),
)
_STYLE = re.compile(r' style="([^"]*)"')
_PATH = re.compile(r' d="([^"]*)"')
_WORD = re.compile(r"[A-Za-z]|-?[\d.]+")
_ALIKE = re.compile(r'<path d="[^"]*"( style="[^"]*stroke: [^"]*")/>(?:<path d="[^"]*"\1/>)+')
_CHART = re.compile(r'(<svg class="(?:wide|narrow)"[^>]*>)(.*?</svg>)', re.DOTALL)


def lean(body: str) -> str:
    """The same picture: coordinates to a tenth of a pixel, no empty groups."""
    for unseen in _UNSEEN:
        body = unseen.sub("", body)
    body = TAG.sub(lambda tag: _LONG.sub(_rounded, tag[0]), body)
    body = re.sub(r">\s+<", "><", body).strip().replace("<g/>", "")
    body = _ALIKE.sub(_joined, _PATH.sub(lambda found: f' d="{shorter(found[1])}"', body))
    return "".join(_without_bare_groups(body))


def shorter(path: str) -> str:
    """The same path in fewer letters, where it has none but straight lines."""
    words = _WORD.findall(path)
    if not set(words).isdisjoint("CQSTAHVchvqst"):
        return " ".join(path.split())
    if len(words) > MANY:
        words = [str(round(float(word))) if word[-1].isdigit() else word for word in words]
    made: list[str] = []
    x = y = ""
    at = 0
    while at < len(words):
        if words[at] in "zZ":
            made.append("z")
            at += 1
            continue
        letter, to_x, to_y = words[at : at + 3]
        made.append(_step(letter, (x, y), (to_x, to_y)))
        x, y = to_x, to_y
        at += 3
    return "".join(made)


def _step(letter: str, here: tuple[str, str], there: tuple[str, str]) -> str:
    if letter == "M" or not here[0]:
        return f"M{there[0]} {there[1]}"
    if here == there:
        return "h0"
    if here[1] == there[1]:
        return f"H{there[0]}"
    return f"V{there[1]}" if here[0] == there[0] else f"L{there[0]} {there[1]}"


def _joined(found: re.Match[str]) -> str:
    """Neighbours that look alike as one path."""
    drawn = re.findall(r' d="([^"]*)"', found[0])
    return f'<path d="{"".join(drawn)}"{found[1]}/>'


def _without_bare_groups(body: str) -> Iterator[str]:
    kept: list[bool] = []
    for part in re.split(r"(<g>|<g [^>]*>|</g>)", body):
        if part.startswith("<g") and part[2:3] in ("", ">", " "):
            kept.append(part != "<g>")
            yield part if kept[-1] else ""
        elif part == "</g>":
            yield part if kept.pop() else ""
        else:
            yield part


def classed(page: str) -> str:
    """``page`` with each style of its charts written once, as a class of its style sheet."""
    names: dict[str, str] = {}

    def named(style: re.Match[str]) -> str:
        return f' class="{names.setdefault(style[1], f"s{len(names)}")}"'

    def chart(found: re.Match[str]) -> str:
        return found[1] + TAG.sub(lambda tag: _STYLE.sub(named, tag[0]), found[2])

    page = _CHART.sub(chart, page)
    rules = "\n".join(f".{name} {{ {style} }}" for style, name in names.items())
    return page.replace("</style>", f"{rules}\n</style>", 1)


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")
