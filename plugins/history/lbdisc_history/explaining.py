"""``lbdisc why``: the story of a node."""

import json
import sys
from typing import TYPE_CHECKING

from lbdisc.errors import EntryError, LbdiscError, SettingsError, nearest, shown
from lbdisc.values import check_name, check_service
from lbdisc_history.gathering import Gathered, endpoints_in, gather
from lbdisc_history.reading import JournalFolder
from lbdisc_history.stories import Status, story
from lbdisc_history.times import stamp

if TYPE_CHECKING:
    from lbdisc.values import Endpoint

RECENT = 2000  # entries in which names that resemble an unknown one are looked for


def explain(journal: JournalFolder, node: str, status: Status | None, *, as_json: bool) -> None:
    """Print it. Raises ``LbdiscError`` for a node that nothing is known of."""
    service, name = _parts(node)
    found = gather(journal, name, service)
    stories = [(each, story(each, status)) for each in found]
    told = [(each, lines) for each, lines in stories if lines]
    told = told or [_unchanged(journal, service, name)]
    for each, lines in told:
        if as_json:
            sys.stdout.write(json.dumps(_document(each, lines)) + "\n")
        else:
            sys.stdout.write("\n".join(lines) + "\n")


def _parts(node: str) -> tuple[str, str]:
    service, slash, name = node.rpartition("/")
    try:
        if slash:
            check_service(service)
        return service, check_name(name)
    except EntryError as error:
        raise SettingsError(f"{error}; give NAME or SERVICE/NAME") from error


def _unchanged(journal: JournalFolder, service: str, name: str) -> tuple[Gathered, list[str]]:
    """One that is served, and nothing has happened to since the journal begins."""
    for endpoint in _served(journal):
        if endpoint.name == name and service in ("", endpoint.service):
            began = next(iter(journal.forwards()))
            line = (
                f"{endpoint.service}/{name} is served, at {endpoint.host_port}, and nothing has"
                f" happened to it since the history begins, at {stamp(began['unix_s'])}."
            )
            return Gathered(endpoint.service, name), [line]
    wanted = f"{service}/{name}" if service else name
    near = nearest(wanted, _known(journal, bool(service)))
    raise LbdiscError(f"the history in {journal.folder} has no node {shown(wanted)}{near}")


def _served(journal: JournalFolder) -> "tuple[Endpoint, ...]":
    last = next(journal.backwards(b'"event":"running",'), None)
    return journal.endpoints(last).endpoints if last is not None else ()


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
        "served": node.is_served is not False,
        "story": lines,
        "entries": {kind.replace(" ", "_"): entry for kind, entry in node.found.items()},
    }
