"""SVG as matplotlib writes it, without what a page needs not carry."""

import re
from collections.abc import Iterator

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
_CHART = re.compile(r'(<svg class="(?:wide|narrow)"[^>]*>)(.*?</svg>)', re.DOTALL)


def lean(body: str) -> str:
    """The same picture: coordinates to a tenth of a pixel, no empty groups."""
    for unseen in _UNSEEN:
        body = unseen.sub("", body)
    body = TAG.sub(lambda tag: _LONG.sub(_rounded, tag[0]), body)
    body = re.sub(r">\s+<", "><", body).strip().replace("<g/>", "")
    return "".join(_without_bare_groups(body))


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
