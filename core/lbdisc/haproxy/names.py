"""Host names whose name servers are silent: HAProxy waits for none of them, and neither do others.

HAProxy asks the machine's resolver before it checks a file or starts on it, ten seconds and more
for each name that nobody answers for. So a check leaves out names that cannot make it fail; a new
name is asked for here before, for a second; and the last address of each is remembered, for a start
while nobody knows it.
"""

import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

import structlog

from lbdisc import atomic
from lbdisc.errors import CheckError, NotLoaded
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.kept_state import kept_state
from lbdisc.haproxy.language.text import Configuration, parse
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.planning.lookups import Key, Named, named, without_names
from lbdisc.haproxy.process.lookups import Lookups
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.sockets.rows import read_states
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.state_files import state_files

log = structlog.get_logger("lbdisc.haproxy")
EVERY = 30.0  # seconds between two looks at the addresses that the worker has
LIMIT = 1.0  # seconds that a new name may take to be found before it is left out


class Names:
    """``unanswered`` and what follows from it; the last addresses are kept beside the note."""

    def __init__(self, settings: HaproxySettings) -> None:
        self._path = Path(settings.worker_file).with_name("names.state")
        self._lookups = Lookups()
        self._told: frozenset[str] = frozenset()
        self._next = 0.0

    def spare(self, text: str, live: Live | None) -> str:
        """``text`` for a check that asks for as few names as possible.

        Those that the worker has, or that HAProxy starts without, cannot make it fail; whether a
        reload would, ``refuse_to_stall`` tells.
        """
        wanted = parse(text)
        found = named(wanted)
        running = named(live.model) if live else {}
        must = [its for its in found.values() if its.must and not _runs(its, running)]
        known = self._silent(must).keys() & self._remembered(wanted) if must else set()
        kept = {(its.key[0], its.host) for its in must if its.key not in known}
        spared = {(its.key[0], its.host) for its in found.values()} - kept
        return without_names(text, lambda *its: its in spared) if spared else text

    @staticmethod
    def spare_all(text: str) -> str:
        """``text``, which runs, for a check that asks for no name of a server."""
        return without_names(text, lambda *_: True) if named(parse(text)) else text

    def look(self, live: Live) -> None:
        """``learn``, where it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY
            self.learn(live)

    def refuse_unanswered(self, text: str, live: Live | None) -> None:
        """Raise ``CheckError`` that names the new servers which would keep all others waiting."""
        wanted = parse(text)
        running = named(live.model) if live else {}
        new = [
            its
            for its in named(wanted).values()
            if its.asks and not _runs(its, running) and (its.must or live)
        ]
        if silent := self._unknown(new, wanted):
            said = [f"server {p}/{name}: {_why(host)}" for (p, name), host in silent.items()]
            more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
            raise CheckError(f"{said[0]}{more}", said="\n".join(said), passing=True)

    def refuse_to_stall(self, live: Live, wanted: Configuration) -> None:
        """Raise ``NotLoaded`` where a reload on ``wanted`` would ask in vain, and then fail."""
        must = [its for its in self._needed(live, wanted) if its.must]
        if silent := self._unknown(must, wanted):
            (proxy, name), host = next(iter(silent.items()))
            raise NotLoaded(
                f"no reload would succeed now: {_why(host)} of server {proxy}/{name}, and nothing"
                " keeps its address: let its init-addr have 'last', its proxy a state file"
            )

    def hinder(self, live: Live, wanted: Configuration) -> str:
        """Why a reload on ``wanted`` would wait for name servers, ``""`` if it would not."""
        silent = self._unknown(self._needed(live, wanted), wanted)
        return next(map(_why, silent.values()), "")

    def add_remembered(self, wanted: Configuration, live: Live | None) -> None:
        """Have the next start find the last addresses of names that nobody answers for."""
        silent = self._silent([its for its in self._needed(live, wanted) if its.last])
        if not silent:
            return
        with suppress(OSError, HaproxyError):
            dump = self._before()
            for path, proxies in state_files(wanted).items():
                lines = kept_state(dump, wanted, wanted, proxies, only=silent.keys())
                _append(path, lines)
        if (hosts := frozenset(silent.values())) != self._told:
            log.warning("no name server answers", names=sorted(hosts)[:5])
            self._told = hosts

    def learn(self, live: Live) -> None:
        """Remember the addresses that the worker has now."""
        names = named(live.model)
        if not (names and live.socket):
            return
        with suppress(OSError, HaproxyError):
            with Runtime(live.socket) as runtime:
                dump = runtime.raw_servers()
            known = {row.key for row in read_states(dump) if row.address != "-"}
            text = kept_state(dump, live.model, live.model, only=known & names.keys())
            atomic.write(self._path, _merged(self._before(), text, names))

    def _before(self) -> str:
        with suppress(OSError):
            return atomic.held(self._path) or ""
        return ""

    def _needed(self, live: Live | None, wanted: Configuration) -> list[Named]:
        """Those that HAProxy would ask for: the worker has no address for its successor."""
        found = [its for its in named(wanted).values() if its.asks]
        known: set[Key] = set()
        if found and live and live.socket:
            with suppress(HaproxyError), Runtime(live.socket) as runtime:
                known = _addresses(kept_state(runtime.raw_servers(), live.model, wanted), wanted)
        return [its for its in found if not (its.last and its.key in known)]

    def _remembered(self, wanted: Configuration) -> set[Key]:
        """Those whose last address is known from before."""
        with suppress(HaproxyError):
            return _addresses(kept_state(self._before(), wanted, wanted), wanted)
        return set()

    def _unknown(self, names: list[Named], wanted: Configuration) -> dict[Key, str]:
        """The host names of those that nobody answers for, and nobody remembers."""
        silent = self._silent(names)
        known = self._remembered(wanted) if silent else set()
        last = {its.key for its in names if its.last}
        return {key: host for key, host in silent.items() if key not in known & last}

    def _silent(self, names: Iterable[Named]) -> dict[Key, str]:
        """The host names of those that nobody answers for."""
        of = {its.key: its.host for its in names}
        silent = self._lookups.unanswered(set(of.values()), LIMIT) if of else ()
        return {key: host for key, host in of.items() if host in silent}


def _why(host: str) -> str:
    return f"no name server answers for host name {host!r} within {LIMIT:g} s"


def _runs(its: Named, running: dict[Key, Named]) -> bool:
    return its.key in running and running[its.key].host == its.host


def _addresses(state: str, wanted: Configuration) -> set[Key]:
    """The servers that a start on ``wanted`` finds an address for in the lines of ``state``."""
    loaded = frozenset[str]().union(*state_files(wanted).values())
    return {row.key for row in read_states(state) if row.address != "-" and row.proxy in loaded}


def _append(path: Path, state: str) -> None:
    """Add the lines of ``state`` for servers that the file has none of."""
    before = atomic.held(path) or ""
    whole = before if before.count("\n") > 1 else state
    if whole is before:
        there = {row.key for row in read_states(before)}
        whole += "".join(f"{row.raw}\n" for row in read_states(state) if row.key not in there)
    atomic.write(path, whole)


def _merged(before: str, now: str, names: Collection[Key]) -> str:
    """``now``, and what ``before`` has of other servers in ``names``."""
    try:
        old = {row.key: row.raw for row in read_states(before)}
    except HaproxyError:
        old = {}
    new = {row.key for row in read_states(now)}
    return now + "".join(f"{raw}\n" for key, raw in old.items() if key in names and key not in new)
