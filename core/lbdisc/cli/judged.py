"""What the registry says now, judged by the guard, for the commands that change nothing."""

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbdisc.agent.sifting import Sieve, Sifted
    from lbdisc.hooks import Reloader, Renderer
    from lbdisc.plugins import Plugins
    from lbdisc.rendered import Rendered
    from lbdisc.settings.loading import Settings
    from lbdisc.values import Snapshot


def read_judged(plugins: "Plugins", settings: "Settings") -> "tuple[Snapshot, Snapshot]":
    """What the registry lists, or listed last, and what an agent would balance.

    Who is overruled by an operator is so in it.
    What is held, and that the registry is away, is said on standard error. Raises ``LbdiscError``.
    """
    from lbdisc.agent.guarding import balanced, held_of
    from lbdisc.cli.reading import read_or_last
    from lbdisc.state.store import Store

    core = settings.core
    listed = read_or_last(plugins, settings)
    store = Store(core.state_dir)
    found = balanced(store, core, listed)
    if held := held_of(*found):
        sys.stderr.write(f"{held}\n")
    overrides = store.steered().overrides.lasting(time.time())
    return listed, overrides.overruled(found[0].snapshot.only(core.services))


def sieve(
    settings: "Settings", renderer: "Renderer", reloader: "Reloader", *, checks: bool = True
) -> "Sieve":
    """Asks the load balancer of ``reloader`` if it ``checks``, and changes nothing."""
    from lbdisc.agent.fitting import Fitting
    from lbdisc.agent.sifting import Sieve
    from lbdisc.cli.common import check_rendered
    from lbdisc.state.store import Store
    from lbdisc.values import Snapshot

    output = settings.core.output

    def check(rendered: "Rendered") -> None:
        if checks:
            check_rendered(reloader, output, rendered)

    own = _Own(settings, reloader).without
    fitting = Fitting(reloader, settings.core.services)
    fitting.known = Store(settings.core.state_dir).last_snapshot() or Snapshot()
    return Sieve(renderer, output, check, partial(_served, settings, reloader), own, fitting)


class _Own:
    """Who is the load balancer itself, for who looks once."""

    def __init__(self, settings: "Settings", reloader: "Reloader") -> None:
        from lbdisc.screening.screen import Screening

        self._screen = Screening(settings.core.endpoints)
        self._output = settings.core.output
        self._reloader = reloader

    def without(self, snapshot: "Snapshot", rendered: "Rendered") -> "Snapshot":
        from lbdisc.agent.own_endpoints import occupied

        if not self._screen.occupy(occupied(self._reloader, self._output, rendered)):
            return snapshot
        self._screen.settle(snapshot)
        return self._screen.once(snapshot)


def _served(settings: "Settings", reloader: "Reloader") -> "Snapshot":
    """What the load balancer serves by now, as far as an agent has kept that."""
    from lbdisc.agent.starting import served_before
    from lbdisc.installing import held
    from lbdisc.state.store import Store
    from lbdisc.values import Snapshot

    core, written = settings.core, held(settings.core.output)
    known = Store(core.state_dir).last_snapshot()
    if known is None or written is None:
        return Snapshot()
    return served_before(reloader, core.output, written, known.only(core.services))


def sifted(
    settings: "Settings",
    snapshot: "Snapshot",
    renderer: "Renderer",
    reloader: "Reloader",
    *,
    checks: bool = True,
) -> "Sifted":
    """What of ``snapshot`` an agent would serve; who is left out is said on standard error."""
    found = sieve(settings, renderer, reloader, checks=checks).sift(snapshot)
    sys.stderr.writelines(
        f"skipped: {problem}\n" for problem in (*snapshot.problems, *found.problems)
    )
    if snapshot.more:
        sys.stderr.write(f"skipped: {snapshot.more} more\n")
    return found
