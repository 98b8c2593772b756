"""What the reloader is made of, and what it remembers from one call to the next."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lbdisc.haproxy.beside.beside import Beside
from lbdisc.haproxy.beside.fault import NoWorse
from lbdisc.haproxy.failed import Failures
from lbdisc.haproxy.fallback import Fallback
from lbdisc.haproxy.follower import Follower
from lbdisc.haproxy.names import Names
from lbdisc.haproxy.neighbourhood import Neighbourhood
from lbdisc.haproxy.process.program import FileChecker
from lbdisc.haproxy.process.workers import Workers
from lbdisc.haproxy.remembered import WorkerNote
from lbdisc.haproxy.running import Running
from lbdisc.haproxy.settings import HaproxySettings


@dataclass(slots=True)
class ReloaderMemory:
    """``config`` is the main file, ``stopping`` whether the agent was told to end.

    Changes at run time rest until ``cools_down_until``, in monotonic seconds.
    """

    config: Path = Path()
    differs: str = ""  # what runs, from what should, at the last look
    applied: bool = False  # whether anything was; `lbdisc plan` only asks
    cools_down_until: float = float("-inf")
    stopping: bool = False


class Parts:
    """Those of one reloader, which all that it does shares.

    ``check`` and ``no_worse`` are told a staged file and its target, and are cut short when the
    agent stops.
    """

    def __init__(self, settings: HaproxySettings) -> None:
        note = WorkerNote(Path(settings.worker_file))
        self.settings = settings
        self.memory = ReloaderMemory()
        self.workers = Workers(
            settings.master_socket, note.master, passed=settings.pass_environment
        )
        self.names = Names(settings)
        checker = FileChecker(
            settings.binary,
            lambda text: self.names.spare(text, self.running.live),
            self.workers.surroundings,
        )
        follow = FileChecker(settings.binary, self.names.spare_all, self.workers.surroundings)
        self.check = partial(checker, over=self._takes_too_long)
        self.look = partial(checker.look, over=self._takes_too_long)
        self.no_worse = partial(NoWorse(checker), over=self._takes_too_long)
        self.beside = Beside(self.check)
        self.running = Running(settings, note, self.beside)
        self.around = Neighbourhood(
            settings, (checker, follow), lambda: self.running.live, self.workers.master
        )
        self.follower = Follower(NoWorse(follow))
        self.failures = Failures(Path(settings.worker_file).with_name("failed.json"))
        self.fallback = Fallback(self.running)

    def _takes_too_long(self, took: float) -> bool:
        return self.memory.stopping and took > 1.0
