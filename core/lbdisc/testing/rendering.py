"""What the renderer's suite asks for: renderers with good, missing and broken templates."""

from abc import abstractmethod
from pathlib import Path
from typing import ClassVar, Literal

from lbdisc.hooks import Renderer
from lbdisc.rendered import Rendered
from lbdisc.testing.offers import make_renderer
from lbdisc.testing.subject import Subject

RenderingAbility = Literal["missing", "broken", "read"]


class Rendering(Subject[RenderingAbility]):
    """A renderer under test, for endpoints of the services ``nodes`` and ``api``.

    ``missing`` and ``broken``: there are templates that may be so. ``read``: the load balancer
    whose language it is can be asked.
    """

    name: ClassVar[str]
    """What ``renderer`` in the settings says: the name of the provider."""
    plugin: ClassVar[str] = ""
    """The module with the hooks, where it is not found through an entry point."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """What the agent's settings say, by dotted keys such as ``jinja2.template``."""

    def renderer(self) -> Renderer:
        """A new renderer, made as the agent makes it."""
        return make_renderer(self.name, self.settings(), plugin=self.plugin)

    def missing(self) -> Path:
        """Take away a file that the renderer needs, before it is made; returns which."""
        self._cannot("missing")

    def broken(self) -> Path:
        """Spoil such a file, so that it cannot be read as what it should be; returns which."""
        self._cannot("broken")

    def read(self, rendered: Rendered) -> set[tuple[str, int]]:
        """The servers that the load balancer would have, as address and port.

        Raises ``AssertionError`` if its own check refuses the configuration. Servers that only hold
        a place are left out, a host name stands for itself.
        """
        self._cannot("read")
