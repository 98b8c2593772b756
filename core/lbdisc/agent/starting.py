"""The first moments: waiting for the registry, but not for ever, and not in vain."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event

import structlog

from lbdisc.agent.watching import Wake, Watcher
from lbdisc.errors import ApplyError, SettingsError
from lbdisc.hooks import Reloader
from lbdisc.installing import held
from lbdisc.planned import Start
from lbdisc.rendered import Rendered
from lbdisc.values import Snapshot

log = structlog.get_logger("lbdisc.run")
FIRST_WAIT = 2.0  # seconds, where the disk knows what to serve meanwhile, or the registry fails
FIRST_READ = 15.0  # seconds, where it does not: ten thousand endpoints take their time
MOVES = 5.0  # seconds, about a lease
LOOK = 0.1  # seconds between two looks at what the watcher says


def await_first(
    watcher: Watcher,
    wake: Wake,
    stop: Event,
    clock: Callable[[], float],
    *,
    known_from_disk: bool,
) -> bool:
    """Wait for the first snapshot; whether it came.

    Raises ``SettingsError`` when the settings can never work and nothing else is known.
    """
    began = clock()
    while watcher.newest is None and not stop.is_set():
        error = watcher.error
        if isinstance(error, SettingsError) and not known_from_disk:
            raise error
        waited = FIRST_WAIT if error or known_from_disk else FIRST_READ
        if clock() >= began + waited:
            return False
        wake.wait(LOOK)
    return watcher.newest is not None


def await_moves(watcher: Watcher, wake: Wake, stop: Event, clock: Callable[[], float]) -> None:
    """Wait a moment while an address of the first snapshot is in two services, by two names.

    Where everything starts anew, as containers do, addresses are given anew as well: one of the two
    was there before, and is about to say where it is now, or its lease ends.
    """
    end = clock() + MOVES
    told = False
    while (news := watcher.newest) and not stop.is_set() and clock() < end:
        if not (places := contested(news.snapshot)):
            return
        if not told:
            log.info("waiting for who is where: two services have one address", address=places[0])
        told = True
        wake.wait(LOOK)


def contested(snapshot: Snapshot) -> list[str]:
    """The addresses and ports that two services have under different names."""
    names: dict[str, dict[str, str]] = {}
    for endpoint in snapshot.endpoints:
        names.setdefault(endpoint.host_port, {})[endpoint.service] = endpoint.name
    return [place for place, its in names.items() if len(set(its.values())) > 1]


def left_in(config: Path) -> Rendered | None:
    """What an earlier agent left in its files, ``None`` where that cannot be read."""
    with suppress(OSError, ApplyError):
        return held(config)
    return None


def served_before(reloader: Reloader, config: Path, written: Rendered, known: Snapshot) -> Snapshot:
    """Whom a load balancer serves that runs since before: of ``known``, all or nobody.

    A name server that is away for a moment makes them no suspects; a load balancer that has to be
    started needs all to be good. Raises as ``Reloader.plan``.
    """
    planned = reloader.plan(config, written, written)
    return Snapshot() if isinstance(planned.how, Start) else known
