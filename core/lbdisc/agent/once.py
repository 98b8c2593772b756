"""``lbdisc run --once``: one apply, which keeps to the pace of the agents before it."""

import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from lbdisc.boot import since_boot
from lbdisc.hooks import Reloader
from lbdisc.planned import Applied, Planned, Reload, Start
from lbdisc.rendered import Rendered
from lbdisc.settings.tables import CoreSettings
from lbdisc.state.past import Past
from lbdisc.state.store import Store

log = structlog.get_logger("lbdisc")


def bring(
    reloader: Reloader,
    store: Store,
    core: CoreSettings,
    rendered: Rendered,
    admit: Callable[[Planned], Planned],
) -> Applied:
    """Have ``rendered`` run and written; a reload waits until one may be.

    Raises as ``apply``, and what ``admit`` raises for a plan that may not be.
    """
    past = store.past()
    planned = admit(reloader.plan(core.output, None, rendered))
    if isinstance(planned.how, Reload) and (age := past.age()) is not None:
        _wait(core.agent.min_reload_interval - age)
    applied = reloader.apply(planned)
    if isinstance(applied.how, Reload | Start):
        with suppress(OSError):  # then the next may come sooner
            store.pace.keep(Past(reloaded=since_boot(), failed=past.failed))
    return applied


def _wait(seconds: float) -> None:
    if seconds > 0:
        log.info("waiting: the last reload is less than agent.min_reload_interval ago", s=seconds)
        time.sleep(seconds)
