"""What an apply would take away, for the commands that ask before anything is done."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbdisc.agent.contact import FirstContact, Meeting
    from lbdisc.hooks import Reloader, Renderer
    from lbdisc.plugins import Plugins
    from lbdisc.rendered import Rendered
    from lbdisc.settings.loading import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What the registry says now, rendered, and what it meets in the file that is there.

    ``warnings`` are lines for an operator.
    """

    rendered: "Rendered"
    reloader: "Reloader"
    contact: "FirstContact"
    meeting: "Meeting"
    warnings: tuple[str, ...]

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs."""
        meeting = self.meeting
        return {
            "takes": {
                "line": str(meeting.takes),
                "servers": {
                    loss.proxy: [str(server) for server in loss.servers]
                    for loss in meeting.takes.taken
                },
            },
            "refused": meeting.refused or None,
            "warnings": list(self.warnings),
        }


def ask(plugins: "Plugins", settings: "Settings") -> Asked:
    """Read the registry, render, and look at the file. Raises ``LbdiscError``."""
    from lbdisc.absent import absent_services
    from lbdisc.agent import composing
    from lbdisc.cli.judged import read_judged, sifted
    from lbdisc.settings import choosing
    from lbdisc.state.store import Store

    core = settings.core
    listed, snapshot = read_judged(plugins, settings)
    renderer: Renderer = choosing.renderer(plugins, settings)
    reloader = choosing.reloader(plugins, settings)
    rendered = sifted(settings, snapshot, renderer, reloader).rendered
    contact = composing.contact(settings, reloader, renderer, Store(core.state_dir))
    absent = map(str, absent_services(listed, core.services))
    warnings = (*absent, *remarks(reloader, settings))
    return Asked(rendered, reloader, contact, contact.meeting(rendered), warnings)


def remarks(reloader: "Reloader", settings: "Settings") -> tuple[str, ...]:
    """What the load balancer that runs has to do with ``output``. Raises ``LbdiscError``."""
    from lbdisc.abilities import TakesOver

    found = reloader.remark(settings.core.output) if isinstance(reloader, TakesOver) else ""
    return (found,) if found else ()
