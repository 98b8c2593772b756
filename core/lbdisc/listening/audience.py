"""Who hears of a program, put together from the settings."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from lbdisc import __version__, events
from lbdisc.hooks import Listener
from lbdisc.listening.listeners import Listeners, Tell
from lbdisc.plugins import Plugins
from lbdisc.settings.loading import Settings


def listeners(
    plugins: Plugins,
    settings: Settings,
    *,
    own: tuple[Listener, ...] = (),
    wake: Callable[[], None] = lambda: None,
) -> Listeners:
    """Everyone who hears: ``own``, the core's others, and all that plugins offer."""
    made = Listeners(own, wake=wake)
    for offer in plugins.listeners(settings.core.listeners_off):
        name = offer.provider.name
        create = partial(offer.provider.create, settings.table(name))
        if offer.built_in:
            made.add(create())
        else:
            made.start(name, offer.plugin, create)
    return made


@contextmanager
def told(program: str, plugins: Plugins, settings: Settings, tell: Tell) -> Iterator[None]:
    """Tell of the start of ``program``, of broken plugins, and of the end.

    To be entered when all parts are made: what is wrong before that is one line of its own.
    """
    began, core, said = time.monotonic(), settings.core, ""
    tell(
        events.ProgramStarted(
            program=program,
            version=__version__,
            backend=core.backend,
            settings_file=str(settings.file or ""),
            state_dir=str(core.state_dir),
            output=str(core.output),
        )
    )
    for complaint in plugins.complaints:
        tell(complaint)
    try:
        yield
    except Exception as error:
        said = str(error) or repr(error)
        raise
    finally:
        uptime = time.monotonic() - began
        tell(events.ProgramStopped(program=program, uptime_s=uptime, error=said))
