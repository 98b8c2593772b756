"""The page of an agent, served to a test that tells it what happens."""

from pathlib import Path
from typing import Any

from lbdisc import Endpoint, events
from lbdisc.testing.processes import free_port
from lbdisc_web.listener import WebListener
from lbdisc_web.settings import WebSettings

TOKEN = "a-token-of-16-signs"


class ServedPage:
    """A listener with its page, that hears what the test tells."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self._folder = folder
        self.port = free_port()
        given = {"bind": str(self.port), "services": ("nodes",), **settings}
        self.settings = WebSettings(**given)
        self.url = self.settings.url
        self.begin()

    @staticmethod
    def unbound() -> WebSettings:
        """The settings of an agent whose page is off."""
        return WebSettings(services=("nodes",))

    def begin(self) -> None:
        """As at the start of an agent."""
        self.listener = WebListener(self.settings)
        self.hear(
            events.ProgramStarted(
                program="run", version="1", backend="file", state_dir=str(self._folder)
            )
        )

    def hear(self, *told: events.Event) -> None:
        for event in told:
            self.listener.hear(event)

    def close(self) -> None:
        self.listener.close()


def applied(*endpoints: Endpoint, generation: int = 1) -> events.GenerationApplied:
    """That ``endpoints`` run."""
    return events.GenerationApplied(
        generation=generation, digest="d", how="runtime", came=endpoints, endpoints=endpoints
    )


def some(count: int) -> list[Endpoint]:
    """Endpoints at addresses of their own."""
    return [
        Endpoint(
            service="nodes", name=f"web-{n}", address=f"10.0.{n // 250}.{n % 250 + 1}", port=80
        )
        for n in range(count)
    ]
