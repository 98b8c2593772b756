"""What the guard has beside the registry: the load balancer's word, the operator's, and a disk."""

import json
import time
from collections.abc import Callable, Sequence

import structlog

from lbdisc import own_files
from lbdisc.abilities import Observes
from lbdisc.agent.admission import limits
from lbdisc.agent.balancing import Balancing
from lbdisc.agent.control import Control, ControlReply
from lbdisc.agent.guard import Guard
from lbdisc.agent.held import GuardMemory
from lbdisc.agent.keeping import not_kept
from lbdisc.agent.verdict import Verdict
from lbdisc.errors import LbdiscError
from lbdisc.hooks import Reloader
from lbdisc.listening.listeners import Tell
from lbdisc.listening.repeats import Repeats
from lbdisc.observed import ServerHealth
from lbdisc.screening.screen import Screening
from lbdisc.settings.tables import CoreSettings
from lbdisc.state.store import Store
from lbdisc.values import Endpoint, Snapshot

EVERY = 1.0  # seconds between two looks while something is held
SHARE = 20  # a look may take at most this part of the time
_log = structlog.get_logger("lbdisc.guard")


def remembered(store: Store, clock: Callable[[], float] = time.monotonic) -> GuardMemory:
    """What an earlier agent balanced and held, in times of ``clock``."""
    now, memory = clock(), GuardMemory()
    try:
        memory = GuardMemory.from_object(
            json.loads(own_files.read(store.guard_file)), ahead=time.time() - now, now=now
        )
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        _log.warning("what the guard held is not known", file=str(store.guard_file), why=str(error))
    served = store.last_snapshot() or Snapshot()
    return memory.with_balanced(store.steered().overrides.restored(served))


def balanced(
    store: Store, settings: CoreSettings, snapshot: Snapshot
) -> tuple[Verdict, GuardMemory]:
    """What an agent that starts would make of ``snapshot``: no clock lets go of anything yet."""
    memory = remembered(store)
    guard = Guard(
        settings.guard,
        memory,
        services=settings.services,
        asks=True,
        refuses=Screening(settings.endpoints).refuses,
    )
    passed = limits(settings, memory.balanced).take(snapshot.public)
    return guard.judge(passed, time.monotonic()), guard.memory


def held_of(verdict: Verdict, memory: GuardMemory) -> str:
    """One line on what is held, ``""`` if nothing is."""
    names = [f"{held.endpoint.service}/{held.endpoint.name}" for held in memory.held]
    new = {held.endpoint for held in verdict.held}
    more = f", {len(new)} of them from now on" if new else ""
    return f"held, whatever the registry says{more}: {', '.join(names)}" if names else ""


class Guarding:
    """Asks, obeys and remembers; all in the agent's loop, once a turn."""

    def __init__(
        self, reloader: Reloader, store: Store, tell: Tell, clock: Callable[[], float]
    ) -> None:
        self._reloader = reloader
        self._store = store
        self._tell = tell
        self._clock = clock
        self._control = Control(store.folder)
        self._control.clean_up()
        self._next = 0.0
        self._asks = False
        self._kept: object = None
        self._broken = False
        self._failures = Repeats()

    @property
    def due(self) -> float | None:
        """When to look again; ``None`` while nothing is held."""
        return self._next if self._asks else None

    def turn(self, balancing: Balancing, *, running: bool) -> None:
        """Do what operators asked for, look at what is held, and keep it."""
        self._control.obey(lambda ask, what: self.obey(balancing, ask, what))
        watched = balancing.watched if running and isinstance(self._reloader, Observes) else ()
        self._asks = bool(watched)
        now = self._clock()
        if watched and now >= self._next:
            balancing.see(self._health(watched), now)
            end = self._clock()
            self._next = end + max(EVERY, (end - now) * SHARE)
        self._keep(balancing.memory)

    def obey(self, balancing: Balancing, ask: str, what: str) -> ControlReply:
        """Hold or release, as an operator asks."""
        service, _, name = what.partition("/")
        nothing = f"nothing of {what} is" if what else "nothing is"
        if ask == "guard.release":
            return _reply(balancing.release(service, name), "released", f"{nothing} held")
        if ask == "guard.hold":
            found = balancing.hold(service, name)
            return _reply(found, "held until released:", f"{nothing} served")
        return ControlReply(False, f"this agent does not know {ask!r}")

    def _health(self, watched: Sequence[Endpoint]) -> Sequence[ServerHealth]:
        """What the load balancer says of them; nothing, where it or the reloader fails."""
        assert isinstance(self._reloader, Observes)
        try:
            return self._reloader.health(watched)
        except LbdiscError as error:
            return [ServerHealth(endpoint, "unknown", str(error)) for endpoint in watched]
        except Exception:  # noqa: BLE001 - foreign code; it must not stop the agent
            if not self._broken:
                _log.exception("the reloader plugin cannot tell what its load balancer finds")
            self._broken = True
            return [ServerHealth(e, "unknown", "the reloader failed") for e in watched]

    def _keep(self, memory: GuardMemory) -> None:
        """Write what is held where it differs from what was written; times are wall clock."""
        kept = memory.to_object(0.0)
        if kept == self._kept:
            return
        empty = not (memory.held or memory.pinned)
        if empty and self._kept is None and not self._store.guard_file.exists():
            return
        try:
            self._store.save_guard(memory.to_object(time.time() - self._clock()))
        except OSError as error:
            self._tell(not_kept(str(self._store.guard_file), error, self._failures))
            return
        self._failures.clear()
        self._kept = kept


def _reply(found: Sequence[Endpoint], done: str, nothing: str) -> ControlReply:
    names = ", ".join(f"{endpoint.service}/{endpoint.name}" for endpoint in found)
    return ControlReply(True, f"{done} {names}") if found else ControlReply(False, nothing)
