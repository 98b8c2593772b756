"""The document of the page for a terminal: the same, in the same order."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lbdisc.showing import harmless
from lbdisc.times import ago, stamp
from lbdisc_web.columns import endpoint_lines, rank
from lbdisc_web.fitting import PicturePart
from lbdisc_web.view import Document

STYLES = {"good": "bold green", "degraded": "bold yellow", "failed": "bold red"}
LEVELS = {"warning": "yellow", "error": "red"}
_STEERED = ("steered", "overruled")  # what these say is shown as the operator's acts
_WELL = 4  # the rank of an endpoint of which there is nothing to say
# Lines that a low terminal has for each part at least.
_TROUBLED, _KEPT, _DRAINS, _EVENTS, _FLEET = 6, 3, 2, 5, 1


def parts(found: Document, *, width: int) -> list[PicturePart]:
    """From top to bottom; none is empty."""
    services = [_service(one, found["endpoints"], width) for one in found["services"]]
    made = [
        _part(_verdict(found["verdict"]), least=5),
        _part(_operator(found["operator"]), least=3),
        _part([_stages(found)], least=3),
        *services,
        _part(_kept(found), least=_KEPT),
        _part(_drains(found["drains"]), least=_DRAINS),
        _part(_events(found), least=_EVENTS),
        _part(_fleet(found["fleet"], found["now_s"]), least=_FLEET),
    ]
    return [one for one in made if one is not None]


def foot(found: Document) -> str:
    """Of whom and when it is, from where, and how it ends."""
    source = "" if found["source"] == "page" else " · from state_dir: no events, no counts"
    name = found["agent"]["name"]
    return f"q ends · {harmless(name) + ' · ' if name else ''}{stamp(found['now_s'])[11:]}{source}"


def _part(
    lines: Iterator[RenderableType] | Sequence[RenderableType], *, least: int
) -> PicturePart | None:
    found = list(lines)
    return PicturePart(Group(*found), least) if found else None


def _verdict(verdict: Mapping[str, Any]) -> Iterator[Text]:
    yield _text(verdict["summary"], STYLES.get(verdict["word"], "bold"))
    first = next((one for one in verdict["reasons"] if one["counts"]), None)
    for one in verdict["reasons"]:
        if one is not first and one["check"] not in _STEERED:
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
    told = [f"desired {stages['desired'].get('number') or '-'}"]
    told.append(f"written {written['number']}{_age(written, now)}" if written else "not written")
    if runs:
        took = "" if runs["ms"] is None else f" in {runs['ms']:.0f} ms"
        told.append(f"running {runs['number']} by {runs['how']}{took}{_age(runs, now)}")
    else:
        told.append("nothing runs")
    state = "answers" if registry["state"] == "ok" else registry["state"] or "not known"
    told.append(f"registry {registry['backend']} {state}")
    return _text(" · ".join(told), "" if stages["in_step"] else "red")


def _age(one: Mapping[str, Any], now: float) -> str:
    return f" ({ago(now - one['at_s'])} ago)" if one["at_s"] else ""


def _service(service: Mapping[str, Any], rows: Mapping[str, Any], width: int) -> PicturePart:
    draining = f", {service['draining']} draining" if service["draining"] else ""
    count = f"{service['up']} of {service['servers']} up{draining}"
    all_down = service["servers"] and not service["up"]
    title = _text(f"{service['service']}: {count}", "bold red" if all_down else "bold")
    own = [row for row in rows.values() if row["service"] == service["service"]]
    own.sort(key=lambda row: (rank(row), row["name"]))
    least = 1 if all(rank(row) == _WELL for row in own) else _TROUBLED
    return PicturePart(Group(title, *endpoint_lines(own, width)), least, first=True)


def _kept(found: Document) -> Iterator[Text]:
    for one in found["held"]:
        yield _text(f"held {one['service']}/{one['name']}{_why(one)}", "yellow")
    for one in found["flapping"]:
        yield _text(f"flaps {one['service']}/{one['name']}", "yellow")
    for one in found["skipped"]:
        yield _text(f"skipped {one['where']}: {one['what']}", "yellow")
    if more := found["held_more"] + found["skipped_more"]:
        yield _text(f"and {more} more", "dim")


def _drains(drains: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    for one in drains:
        waits = ", ".join(one["waits_for"]) or "nobody"
        sessions = one["sessions"]
        here = "" if sessions is None else f", {sessions} session{'s'[: sessions != 1]} here"
        yield _text(f"{one['service']}/{one['name']} drains, waits for {waits}{here}")


def _events(found: Document) -> Iterator[Table]:
    if not found["events"]:
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for day, told in groupby(found["events"], key=lambda one: stamp(one["at_s"])[:10]):
        today = stamp(found["now_s"])[:10] == day
        for one in told:
            when = stamp(one["at_s"])
            cause = f" ({one['cause']})" if one["cause"] else ""
            text = _text(one["text"] + cause, LEVELS.get(one["level"], ""))
            table.add_row(when[11:] if today else when[5:].replace("T", " "), text)
    yield table


def _fleet(fleet: Sequence[Mapping[str, Any]], now: float) -> Iterator[Text]:
    for one in fleet:
        since = f" for {ago(now - one['since_s'])}" if one["since_s"] else ""
        differs = f"differs in {', '.join(one['differs'])}{since}" if one["differs"] else "the same"
        own = " (this one)" if one["own"] else ""
        text = f"agent {one['agent']}{own} {one['address']} {one['version']}: {differs}"
        yield _text(text, "yellow" if one["differs"] else "dim")


def _text(text: Any, style: str = "") -> Text:
    """Never markup, and no sign that a terminal obeys, wherever the document came from."""
    return Text(harmless(str(text)), style=style)
