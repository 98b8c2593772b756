"""A host of the comparison, and what a set of them can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from lbdisc.testing.processes import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One machine as far as the network goes: its own address, and programs that run on it.

    ``prefix`` is what a command line begins with to run there, such as ``ip netns exec NAME``.
    """

    name: str
    address: str
    prefix: tuple[str, ...] = ()

    def command(self, *words: str | Path) -> list[str]:
        """The command line that runs ``words`` here."""
        return [*self.prefix, *map(str, words)]

    def process(
        self,
        *words: str | Path,
        log: Path,
        ready: Callable[[], bool] = lambda: True,
        deadline: float = 30.0,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """A process here that is not started yet."""
        command = self.command(*words)
        return Process(command, log=log, ready=ready, deadline=deadline, environment=environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What crossed a host's interface so far."""

    bytes_out: int
    bytes_in: int
    packets_out: int
    packets_in: int


class HostSet(Protocol):
    """HostSet that reach each other and are reached from the measuring process."""

    @property
    def folder(self) -> Path:
        """For all files of the cell; its path is short enough for sockets. Gone at the end."""

    def host(self, name: str) -> Host:
        """The host ``name``, made when it is first asked for."""


@runtime_checkable
class Separable(Protocol):
    """HostSet with networks of their own, between which a fault can be put.

    Each fault lasts until ``heal``. ``None`` as the other side stands for all other hosts, the
    measuring process included.
    """

    def cut(self, here: Host, there: Host | None = None, *, one_way: bool = False) -> None:
        """Nothing passes between the two; with ``one_way`` nothing from ``here`` to ``there``."""

    def lose(self, here: Host, there: Host | None, share: float) -> None:
        """This share of the packets is dropped, both ways."""

    def delay(self, here: Host, there: Host | None, seconds: float) -> str:
        """Packets between the two take so much longer, each way; returns by what means."""

    def heal(self) -> None:
        """All faults are gone; packets that wait are let through."""

    def counters(self, host: Host) -> Counters:
        """What crossed the host's interface since it was made."""
