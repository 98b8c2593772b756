"""``lbdisc why``: the story of a node."""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from lbdisc.errors import EntryError, LbdiscError, SettingsError, nearest, shown
from lbdisc.values import check_name, check_service
from lbdisc_history.gathering import Gathered, endpoints_in, gather
from lbdisc_history.reading import JournalFolder
from lbdisc_history.stories import Status, story

if TYPE_CHECKING:
    from lbdisc.values import Endpoint

RECENT = 2000  # entries in which names that resemble an unknown one are looked for


def explain(
    journal: JournalFolder,
    node: str,
    status: Status | None,
    *,
    services: Sequence[str] = (),
    as_json: bool = False,
) -> None:
    """Print it. ``services`` are those that are balanced, if that is known.

    Raises ``LbdiscError`` for a node that nothing is known of.
    """
    service, name = _parts(node)
    told = []
    for each in _with_listed(journal, gather(journal, name, service), service, name):
        lines = story(each, status)
        if services and each.service not in services:
            lines.append(f"The setting services does not name {each.service}: nobody balances it.")
        if lines:
            told.append((each, lines))
    if not told:
        raise _unknown(journal, service, name)
    for each, lines in told:
        text = json.dumps(_document(each, lines)) if as_json else "\n".join(lines)
        sys.stdout.write(f"{text}\n")


def _parts(node: str) -> tuple[str, str]:
    service, slash, name = node.rpartition("/")
    try:
        if slash:
            check_service(service)
        return service, check_name(name)
    except EntryError as error:
        raise SettingsError(f"{error}; give NAME or SERVICE/NAME") from error


def _with_listed(
    journal: JournalFolder, found: list[Gathered], service: str, name: str
) -> list[Gathered]:
    """With those that are served since before the journal begins."""
    if found and all("applied" in each.found for each in found):
        return found
    nodes = {each.service: each for each in found}
    for endpoint in _served(journal):
        if endpoint.name == name and service in ("", endpoint.service):
            node = nodes.setdefault(endpoint.service, Gathered(endpoint.service, name))
            node.listed = endpoint
    return [nodes[one] for one in sorted(nodes)]


def _unknown(journal: JournalFolder, service: str, name: str) -> LbdiscError:
    wanted = f"{service}/{name}" if service else name
    near = nearest(wanted, _known(journal, bool(service)))
    return LbdiscError(f"the history in {journal.folder} has no node {shown(wanted)}{near}")


def _served(journal: JournalFolder) -> "tuple[Endpoint, ...]":
    """By the last generation, as far as that is known."""
    last = next(journal.backwards(b'"event":"running",'), None)
    with suppress(LbdiscError):
        return journal.endpoints(last).endpoints if last is not None else ()
    return ()


def _known(journal: JournalFolder, with_service: bool) -> set[str]:
    known = {(e.service, e.name) for e in _served(journal)}
    for count, (_, entry) in enumerate(journal.backwards()):
        if count > RECENT:
            break
        known |= {(e["service"], e["name"]) for e in endpoints_in(entry)}
    return {f"{service}/{name}" if with_service else name for service, name in known}


def _document(node: Gathered, lines: list[str]) -> dict[str, object]:
    return {
        "schema": 1,
        "service": node.service,
        "name": node.name,
        "served": node.is_served,
        "story": lines,
        "entries": {kind.replace(" ", "_"): entry for kind, entry in node.found.items()},
    }
