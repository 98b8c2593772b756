"""``lbdisc show`` and ``lbdisc diff``: a generation as it was, and two beside each other.

Secrets in texts are masked: these are for people, and may be copied anywhere.
"""

import difflib
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from lbdisc import atomic
from lbdisc.errors import LbdiscError
from lbdisc.events.entries import object_of
from lbdisc.events.parts import difference, listed
from lbdisc.secrecy import masked
from lbdisc.showing import harmless
from lbdisc.times import stamp
from lbdisc.values import Endpoint, Snapshot
from lbdisc_history.lines import Entry
from lbdisc_history.reading import Found, JournalFolder
from lbdisc_history.wording import words

MAIN = "(main file)"


def texts_of(journal: JournalFolder, entry: Entry) -> dict[str, str]:
    """The texts of a generation, the main one under ``""``. Raises ``LbdiscError``."""
    named = entry.get("texts")
    if not isinstance(named, dict):
        raise LbdiscError(f"the texts of generation {entry['generation']} are not kept")
    return {str(name): journal.text(digest) for name, digest in named.items()}


def show(journal: JournalFolder, number: int, *, files: bool, as_json: bool) -> None:
    """Print generation ``number``, its ``files`` too if asked. Raises ``LbdiscError``."""
    found = journal.generation(number)
    _, entry = found
    texts = texts_of(journal, entry) if files else {}
    endpoints = _endpoints(journal, found)
    if as_json:
        sys.stdout.write(json.dumps(_document(entry, endpoints, texts)) + "\n")
        return
    sys.stdout.write(f"generation {number}, {stamp(entry['unix_s'])}, digest {entry['digest']}\n")
    sys.stdout.write(f"{words(entry)}\n")
    sys.stdout.writelines(f"  {harmless(masked(c))}\n" for c in listed(entry, "commands"))
    if endpoints is not None:
        sys.stdout.write(f"\n{len(endpoints)} endpoints\n")
        sys.stdout.writelines(f"  {_endpoint(e)}\n" for e in endpoints.endpoints)
    for name, text in texts.items():
        sys.stdout.write(f"\n--- {name or MAIN}\n")
        sys.stdout.writelines(f"{line}\n" for line in _lines(text))


def diff(journal: JournalFolder, before: int, after: int, *, as_json: bool) -> None:
    """Print what is different in generation ``after``. Raises ``LbdiscError``."""
    pair = journal.generation(before), journal.generation(after)
    old, new = (texts_of(journal, entry) for _, entry in pair)
    files = {name: list(_differences(name, old, new)) for name in sorted({*old, *new})}
    served = [_endpoints(journal, found) for found in pair]
    change = list(_changes(*served)) if None not in served else []
    if as_json:
        document = {"schema": 1, "before": before, "after": after, "endpoints": change}
        told = {name or MAIN: lines for name, lines in files.items() if lines}
        sys.stdout.write(json.dumps({**document, "files": told}) + "\n")
        return
    sys.stdout.writelines(f"{line}\n" for line in change)
    for lines in files.values():
        sys.stdout.writelines(f"{line}\n" for line in lines)


def _endpoints(journal: JournalFolder, found: Found) -> Snapshot | None:
    """``None`` where they are not known any more, which standard error says."""
    try:
        return journal.endpoints(found)
    except LbdiscError as error:
        sys.stderr.write(f"lbdisc: {error}\n")
        return None


def _document(entry: Entry, endpoints: Snapshot | None, texts: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = {"schema": 1, "generation": entry["generation"], "entry": entry}
    if endpoints is not None:
        document["endpoints"] = [object_of(e) for e in endpoints.endpoints]
    if texts:
        document["files"] = {
            name or MAIN: "\n".join(map(masked, _printable(text).split("\n")))
            for name, text in texts.items()
        }
    return document


def _endpoint(e: Endpoint) -> str:
    weight = f" weight {e.weight}" if e.weight != 100 else ""
    state = f" {e.state}" if e.draining else ""
    return f"{e}{weight}{state}"


def _changes(before: Snapshot | None, after: Snapshot | None) -> Iterator[str]:
    assert before is not None
    assert after is not None
    change = after.since(before)
    yield from (f"- {_endpoint(e)}" for e in change.removed)
    yield from (f"+ {_endpoint(e)}" for e in change.added)
    for now in change.changed:
        old = before.get(now.key)
        assert old is not None
        yield f"~ {now.service}/{now.name}: {difference(object_of(old), object_of(now))}"


def _differences(name: str, old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    lines = list(_lines(old.get(name, ""))), list(_lines(new.get(name, "")))
    shown = name or MAIN
    return unified(*lines, shown)


def unified(old: Iterable[str], new: Iterable[str], name: str) -> Iterator[str]:
    """Lines of a unified diff, without what ends them."""
    found = difflib.unified_diff(list(old), list(new), name, name, lineterm="")
    return (line.rstrip("\n") for line in found)


def _lines(text: str) -> Iterator[str]:
    """As they may stand in a terminal: tabs stay."""
    lines = _printable(text).split("\n")
    return (
        masked(line if line.replace("\t", "").isprintable() else harmless(line)) for line in lines
    )


def _printable(text: str) -> str:
    """What others wrote may be no UTF-8."""
    return atomic.encoded(text).decode(errors="replace")
