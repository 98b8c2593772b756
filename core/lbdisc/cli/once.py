"""``lbdisc run --once``: the registry's state now, applied once."""

import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbdisc.agent.held import GuardMemory
    from lbdisc.agent.sifting import Sifted
    from lbdisc.listening.listeners import Tell
    from lbdisc.planned import Applied
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings
    from lbdisc.state.store import Store
    from lbdisc.values import Snapshot


def run_once(plugins: "Plugins", settings: "Settings", *, accept: bool) -> None:
    """Read, render, check and apply once. Raises ``LbdiscError``.

    Who is refused is left out and named, and the others are served: that is done.
    """
    from lbdisc.listening import audience
    from lbdisc.state.store import Store, claimed

    store = Store(settings.core.state_dir)
    store.prepare()
    store.secure(settings.core.trusted)
    with (
        store.locked(),
        claimed(settings.core.output, settings.core.trusted),
        audience.listeners(plugins, settings) as listeners,
        audience.told("run --once", plugins, settings, listeners.tell),
    ):
        _refuse_while_steered(store)
        snapshot, memory = _judged(plugins, settings, store, listeners.tell)
        sifted, applied = _applied(plugins, settings, store, listeners.tell, snapshot, accept)
        store.save_guard(memory.to_object(time.time() - time.monotonic()))
        _keep(settings, store, listeners.tell, sifted, applied)


def _refuse_while_steered(store: "Store") -> None:
    """Raises ``LbdiscError`` where an operator wants nothing to be applied."""
    from lbdisc.errors import LbdiscError

    steered, now = store.steered(), time.time()
    if steered.pin is not None:
        what = f"generation {steered.pin.generation} is pinned by {steered.pin.term.by}"
    elif steered.pause is not None and not steered.pause.is_over(now):
        what = f"paused by {steered.pause.by}"
    else:
        return
    raise LbdiscError(f"nothing is applied: {what}; start `lbdisc run` and call `lbdisc resume`")


def _judged(
    plugins: "Plugins", settings: "Settings", store: "Store", tell: "Tell"
) -> "tuple[Snapshot, GuardMemory]":
    """What is to be served of what the registry lists, and what the guard has to remember."""
    from lbdisc.absent import absent_services
    from lbdisc.agent.announcing import judged
    from lbdisc.agent.guarding import balanced
    from lbdisc.cli.nodes import read_once
    from lbdisc.events import Cause, ServicesAbsent

    core = settings.core
    listed = read_once(plugins, settings)
    if absent := absent_services(listed, core.services):
        tell(ServicesAbsent(services=absent))
    verdict, memory = balanced(store, core, listed)
    for event in judged(verdict, time.monotonic(), cause=Cause(source=core.backend)):
        tell(event)
    passed = verdict.snapshot.only(core.services)
    return store.steered().overrides.lasting(time.time()).overruled(passed), memory


def _applied(
    plugins: "Plugins",
    settings: "Settings",
    store: "Store",
    tell: "Tell",
    snapshot: "Snapshot",
    accept: bool,
) -> "tuple[Sifted, Applied]":
    """Who is served, and how that came to life; who is left out is told."""
    from lbdisc.agent import composing, once
    from lbdisc.cli.judged import sieve
    from lbdisc.events import Cause, EntriesSkipped
    from lbdisc.settings import choosing
    from lbdisc.values import NAMED

    core = settings.core
    renderer = choosing.renderer(plugins, settings)
    reloader = choosing.reloader(plugins, settings)
    contact = composing.contact(settings, reloader, renderer, store, accept=accept)
    admit = partial(contact.admit, tell=tell)
    sifted, applied = sieve(settings, renderer, reloader).do(
        snapshot, lambda it: once.bring(reloader, store, core, it.rendered, admit)
    )
    contact.over()
    if skipped := (*snapshot.problems, *sifted.problems):
        more = snapshot.more + max(0, len(skipped) - NAMED)
        cause = Cause(source=core.backend)
        tell(EntriesSkipped(entries=skipped[:NAMED], more=more, cause=cause))
    return sifted, applied


def _keep(
    settings: "Settings", store: "Store", tell: "Tell", sifted: "Sifted", applied: "Applied"
) -> None:
    """Keep what is served for the next start, and tell what came to life."""
    from lbdisc.agent.announcing import announced
    from lbdisc.events import Cause, StateNotUsed
    from lbdisc.generation import Generation
    from lbdisc.values import Snapshot

    served = sifted.served
    before = (store.last_snapshot() or Snapshot()).only(settings.core.services)
    if served != before:
        store.save_snapshot(served)
    generation = Generation(
        number=store.earlier_number + 1,
        snapshot=served,
        rendered=sifted.rendered,
        change=served.since(before),
    )
    for file, error in store.unusable.items():
        tell(StateNotUsed(file=str(file), error=error))
    cause = Cause(source=settings.core.backend)
    for event in announced(generation, before, applied, cause=cause):
        tell(event)
