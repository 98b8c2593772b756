"""Whether an entry can be put, read and removed: only on request, as it writes to the registry."""

import secrets
import time
from collections.abc import Iterator
from threading import Event, Timer

from lbdisc.abilities import Dates, Examines, Narrows, StartsPrograms
from lbdisc.examining import Diagnosis, fail, ok, warn
from lbdisc.handshake import NO_PORT
from lbdisc.hooks import Discovery, Registrar
from lbdisc.skew import Skew, compared
from lbdisc.values import Endpoint, Snapshot

SERVICE = "_doctor"  # names that begin with _ are lbdisc's own: nobody balances them
MOST = 255  # a weight
_READ = 5.0  # seconds that an entry may take to be seen
RESOLUTION = 0.02  # seconds; the kernel dates a file by its last tick
TOUCHES = "certificates and what logs say depend on it"


def written(registrar: Registrar, discovery: Discovery, name: str) -> Iterator[Diagnosis]:
    """Put an entry ``name`` of our own, read it, and take it out whatever happens."""
    # By its weight it is told from another doctor's: a member of Serf has a name of its own.
    weight = 1 + secrets.randbelow(MOST)
    entry = Endpoint(service=SERVICE, name=name, address="127.0.0.1", port=NO_PORT, weight=weight)
    with registrar.open(entry, Event()) as held:
        asked_s, began = time.time(), time.monotonic()
        try:
            if not held.put(entry):
                yield fail(f"{SERVICE}/{name} is held by {held.rival or 'another'}", "try again")
                return
            took = time.monotonic() - began
            ms = 1000 * took
            yield ok(f"wrote {SERVICE}/{name} in {ms:.0f} ms; its lease is {held.lease:g} s")
            if isinstance(held, Dates) and (said_s := held.written_s) is not None:
                skew = Skew.seen(said_s, resolution=RESOLUTION, asked_s=asked_s, took=took)
                yield compared(skew, "the registry's clock", touches=TOUCHES)
            yield from _read(discovery, entry)
        finally:
            held.remove()
    if isinstance(discovery, Examines):
        discovery.tidy(SERVICE)
    yield ok(f"removed {SERVICE}/{name}")


def _read(discovery: Discovery, entry: Endpoint) -> Iterator[Diagnosis]:
    seen, stop = Event(), Event()

    def look(snapshot: Snapshot, *, revision: str = "") -> None:
        if any(e.weight == entry.weight for e in snapshot.only((SERVICE,)).endpoints):
            seen.set()
            stop.set()

    timer = Timer(_READ, stop.set)
    timer.daemon = True
    timer.start()
    try:
        _reading(discovery).watch(look, stop)
    finally:
        timer.cancel()
    if seen.is_set():
        yield ok("read it again")
    else:
        yield warn(
            f"what was written was not seen within {_READ:g} s",
            "see whether the registry's members agree",
        )


def _reading(discovery: Discovery) -> Discovery:
    """One that reads our service, or more, and starts nothing."""
    if isinstance(discovery, StartsPrograms):
        return discovery.starting_none()
    return discovery.only(SERVICE) if isinstance(discovery, Narrows) else discovery


def not_written() -> Iterator[Diagnosis]:
    """What the look without writing leaves open."""
    yield ok("nothing was written; `lbdisc doctor --write` puts, reads and removes an entry")
