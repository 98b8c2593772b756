"""What the reloader's suite asks of a load balancer: to be configured, asked and killed."""

import http.client
from abc import abstractmethod
from contextlib import closing
from pathlib import Path
from typing import ClassVar, Literal

from lbdisc.hooks import Reloader
from lbdisc.rendered import Rendered
from lbdisc.testing.offers import make_reloader
from lbdisc.testing.subject import Subject
from lbdisc.values import Endpoint

BalancerAbility = Literal["stuck", "further", "killed", "balancing"]
ASKED = 5.0  # seconds for an answer


class Balancer(Subject[BalancerAbility]):
    """A load balancer that does not run yet, and a folder for its files. Made for each test.

    It listens for HTTP at ``port`` of loopback with every good configuration.
    """

    name: ClassVar[str]
    """What ``reloader`` in the settings says: the name of the provider."""
    plugin: ClassVar[str] = ""
    """The module with the hooks, where it is not found through an entry point."""
    patience: float = 10.0
    """Seconds within which anything is seen."""
    config: Path
    """The main file, in a folder where only the reloader writes."""
    port: int

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """What the agent's settings say, by dotted keys such as ``haproxy.binary``."""

    def reloader(self) -> Reloader:
        """A new reloader, made as the agent makes it."""
        return make_reloader(self.name, self.settings(), plugin=self.plugin)

    @abstractmethod
    def answering(self, word: str) -> Rendered:
        """A configuration that answers every request with ``word`` for a body."""

    @abstractmethod
    def refused(self) -> Rendered:
        """A configuration that the load balancer's own check refuses."""

    def stuck(self, taken: int) -> Rendered:
        """One that passes the check and cannot be brought to life, as it wants the port ``taken``.

        Something else listens at that port of loopback.
        """
        self._cannot("stuck")

    def further(self, word: str) -> Rendered:
        """As ``answering``, where the word is in a further file."""
        self._cannot("further")

    def balancing(self, endpoint: Endpoint) -> Rendered:
        """A configuration that sends all requests to ``endpoint``; none that are new if it drains.

        Nothing in it asks ``endpoint`` by itself, as a check of health would.
        """
        self._cannot("balancing")

    def killed(self) -> None:
        """kill -9 all of the load balancer's processes."""
        self._cannot("killed")

    def answer(self) -> str:
        """The body of what the load balancer answers now. Raises ``OSError`` if it does not."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=ASKED)) as asking:
            try:
                asking.request("GET", "/")
                return asking.getresponse().read().decode()
            except http.client.HTTPException as error:
                raise ConnectionError(repr(error)) from error
