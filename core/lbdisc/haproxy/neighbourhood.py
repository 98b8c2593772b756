"""What is around lbdisc's file: read anew, checked with it, and told apart where it is refused."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lbdisc.errors import CheckError, NotLoaded
from lbdisc.haproxy.around import Around
from lbdisc.haproxy.live import Live
from lbdisc.haproxy.neighbours import Neighbours
from lbdisc.haproxy.process.program import FileChecker
from lbdisc.haproxy.settings import HaproxySettings


class Neighbourhood:
    """Of the file of one HAProxy; ``live`` tells the worker that runs, ``master`` who is above it.

    ``checks`` check with what ``around`` is; that is what the worker has read, but while other
    files are tried.
    """

    def __init__(
        self,
        settings: HaproxySettings,
        checks: Sequence[FileChecker],
        live: Callable[[], Live | None],
        master: Callable[[], int],
    ) -> None:
        self._checks = tuple(checks)
        self._live = live
        self._master = master
        self._surroundings = Neighbours(settings.files, settings.master_socket)
        self._refused: Around | None = None

    @property
    def around(self) -> Around:
        return self._checks[0].around

    def take(self, around: Around) -> None:
        """From now on this is around it."""
        for check in self._checks:
            check.around = around

    def learn(self) -> None:
        """Ask the HAProxy that runs what it was given."""
        self._surroundings.learn(self._master())

    def of(self, config: Path) -> Around:
        """What is around ``config`` now. Raises ``SettingsError``."""
        return self._surroundings.of(config)

    def near(self, candidate: Path | None = None) -> Around:
        """As ``Neighbours.near``, of the HAProxy that runs now."""
        self.learn()
        return self._surroundings.near(candidate)

    @contextmanager
    def trying(self, around: Around) -> Iterator[None]:
        """Check and bring to life with ``around``; what is refused of it is not our text's fault.

        Raises ``NotLoaded`` for that.
        """
        live = self._live()
        self.take(around)
        try:
            if live is not None and around == self._refused:
                raise NotLoaded(f"{around.changed(live.around)}, and HAProxy refuses it")
            yield
        except CheckError as error:
            if live is None or not (why := around.changed(live.around)):
                raise
            self._refused = around
            raise NotLoaded(f"{why}: {error}") from error
        finally:
            if (now := self._live()) is not None:
                self.take(now.around)

    def changed(self, config: Path) -> str:
        """Which file is another than the worker has read, ``""`` if none is."""
        live = self._live()
        return self.of(config).changed(live.around) if live else ""

    def news(self, config: Path) -> str:
        """The same, but for what HAProxy has refused already."""
        return "" if self.of(config) == self._refused else self.changed(config)

    def may_try(self, config: Path) -> bool:
        """Whether what was refused is another by now."""
        return self._refused is not None and bool(self.news(config))

    def try_again(self) -> None:
        """What was refused may be good now."""
        self._refused = None
