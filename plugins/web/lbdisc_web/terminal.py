"""The document of the page for a terminal: the same, in the same order, as far as there is room."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from lbdisc.showing import harmless
from lbdisc.times import ago, stamp
from lbdisc_web.view import Document

STYLES = {"good": "bold green", "degraded": "bold yellow", "failed": "bold red"}
LEVELS = {"warning": "yellow", "error": "red"}
_TROUBLE = ("down", "maintenance", "unknown")
_NUMBERS = ("sessions", "queued", "requests", "errors")
WIDE = 90  # columns from which there is room for numbers


def picture(found: Document, *, width: int) -> RenderableType:
    """All of it, as tall as it is."""
    return Group(*_parts(found, width))


class FittedPicture:
    """As much of ``whole`` as the terminal has lines, and how many more there are."""

    def __init__(self, whole: RenderableType) -> None:
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._whole, options.update(height=None))
        room = console.size.height - 1
        more = len(lines) - room
        for line in lines if more <= 0 else lines[: room - 1]:
            yield from line
            yield Segment.line()
        if more > 0:
            text = f"… {more + 1} more lines: a taller terminal, or `lbdisc top | less`"
            yield Text(text, style="dim")


def _parts(found: Document, width: int) -> Iterator[RenderableType]:
    yield from _verdict(found["verdict"])
    yield from _operator(found["operator"])
    yield Text()
    yield _stages(found)
    for service in found["services"]:
        yield Text()
        yield from _service(service, found["endpoints"], width)
    yield from _kept(found)
    yield from _drains(found["drains"])
    yield from _events(found)
    yield from _fleet(found["fleet"], found["now_s"])


def _verdict(verdict: Mapping[str, Any]) -> Iterator[Text]:
    yield _text(verdict["summary"], STYLES.get(verdict["word"], "bold"))
    first = next((one for one in verdict["reasons"] if one["counts"]), None)
    for one in verdict["reasons"]:
        if one is not first:
            yield _text(f"- {one['text']}", "" if one["counts"] else "dim")


def _operator(found: Mapping[str, Any]) -> Iterator[Text]:
    if one := found["paused"]:
        yield _text(f"paused by {one['by']}{_why(one)}", "bold yellow")
    if one := found["pinned"]:
        text = f"generation {one['generation']} pinned by {one['by']}{_why(one)}"
        yield _text(text, "bold yellow")
    for one in found["overruled"]:
        how = f"weight {one['weight']}" if one["how"] == "weight" else one["how"]
        yield _text(f"{one['service']}/{one['name']}: {how} by {one['by']}{_why(one)}", "yellow")


def _why(one: Mapping[str, Any]) -> str:
    until = f", until {stamp(one['until_s'])}" if one.get("until_s") else ""
    return (f": {one['why']}" if one.get("why") else "") + until


def _stages(found: Document) -> Text:
    stages, registry, now = found["stages"], found["registry"], found["now_s"]
    runs, written = stages["running"], stages["written"]
    parts = [f"desired {stages['desired'].get('number') or '-'}"]
    parts.append(f"written {written['number']}{_age(written, now)}" if written else "not written")
    if runs:
        took = "" if runs["ms"] is None else f" in {runs['ms']} ms"
        parts.append(f"running {runs['number']} by {runs['how']}{took}{_age(runs, now)}")
    else:
        parts.append("nothing runs")
    state = "answers" if registry["state"] == "ok" else registry["state"] or "not known"
    parts.append(f"registry {registry['backend']} {state}")
    return _text(" · ".join(parts), "" if stages["in_step"] else "red")


def _age(one: Mapping[str, Any], now: float) -> str:
    return f" ({ago(now - one['at_s'])} ago)" if one["at_s"] else ""


def _service(service: Mapping[str, Any], rows: Mapping[str, Any], width: int) -> Iterator[Any]:
    draining = f", {service['draining']} draining" if service["draining"] else ""
    count = f"{service['up']} of {service['servers']} up{draining}"
    all_down = service["servers"] and not service["up"]
    yield _text(f"{service['service']}: {count}", "bold red" if all_down else "bold")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", expand=False)
    table.add_column("NAME", overflow="fold", max_width=40)
    table.add_column("ADDRESS", overflow="fold", max_width=40)
    table.add_column("STATE", overflow="fold")
    numbers = _NUMBERS if width >= WIDE else ()
    for name in numbers:
        table.add_column(name.upper(), justify="right")
    own = [row for row in rows.values() if row["service"] == service["service"]]
    for row in sorted(own, key=lambda row: (_rank(row), row["name"])):
        cells = [_text(str(row.get(name, "-"))) for name in numbers]
        table.add_row(_text(row["name"]), _text(row["at"], "dim"), _state(row), *cells)
    yield table


def _rank(row: Mapping[str, Any]) -> int:
    if row["state"] in _TROUBLE:
        return _TROUBLE.index(row["state"])
    return 3 if row["draining"] or row.get("held") or row.get("overruled") else 4


def _state(row: Mapping[str, Any]) -> Text:
    words = [row["state"], *(["draining"] if row["draining"] else [])]
    words += ["held"] if row.get("held") else []
    words += [f"overruled: {row['overruled']}"] if row.get("overruled") else []
    says = f": {row['says']}" if row["says"] else ""
    colour = {0: "bold red", 1: "yellow", 2: "", 3: "yellow"}.get(_rank(row), "green")
    return _text(f"{', '.join(words)}{says}", colour)


def _kept(found: Document) -> Iterator[Text]:
    held = [f"held {o['service']}/{o['name']}{_why(o)}" for o in found["held"]]
    flaps = [f"flaps {o['service']}/{o['name']}" for o in found["flapping"]]
    skipped = [f"skipped {o['where']}: {o['what']}" for o in found["skipped"]]
    if lines := held + flaps + skipped:
        yield Text()
        yield from (_text(line, "yellow") for line in lines)
    if more := found["held_more"] + found["skipped_more"]:
        yield _text(f"and {more} more", "dim")


def _drains(drains: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    if drains:
        yield Text()
    for one in drains:
        waits = ", ".join(one["waits_for"]) or "nobody"
        here = "" if one["sessions"] is None else f", {one['sessions']} sessions here"
        yield _text(f"{one['service']}/{one['name']} drains, waits for {waits}{here}")


def _events(found: Document) -> Iterator[Any]:
    if not found["events"]:
        return
    yield Text()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for day, told in groupby(found["events"], key=lambda one: stamp(one["at_s"])[:10]):
        today = stamp(found["now_s"])[:10] == day
        for one in told:
            when = stamp(one["at_s"])
            cause = f" ({one['cause']})" if one["cause"] else ""
            text = _text(one["text"] + cause, LEVELS.get(one["level"], ""))
            table.add_row(when[11:] if today else when, text)
    yield table


def _fleet(fleet: Sequence[Mapping[str, Any]], now: float) -> Iterator[Text]:
    if fleet:
        yield Text()
    for one in fleet:
        since = f" for {ago(now - one['since_s'])}" if one["since_s"] else ""
        differs = f"differs in {', '.join(one['differs'])}{since}" if one["differs"] else "the same"
        own = " (this one)" if one["own"] else ""
        text = f"agent {one['agent']}{own} {one['address']} {one['version']}: {differs}"
        yield _text(text, "yellow" if one["differs"] else "dim")


def _text(text: Any, style: str = "") -> Text:
    """Never markup, and no sign that a terminal obeys, wherever the document came from."""
    return Text(harmless(str(text)), style=style)
