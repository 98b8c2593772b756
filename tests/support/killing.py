"""Named moments of an apply at which the agent is killed, each held open until that has happened.

HAProxy is the real one; a script around it waits in ``haproxy -c`` and before a new worker starts
for as long as a file is there. The master is called by the script's name, so that a reload, which
starts the program anew, comes through it.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.process.program import find
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.waiting import eventually
from support.cell import Cell
from support.worlds import LATE

_PROGRAM = """\
#!/bin/bash
pause() {{
    [ ! -e {folder}/hold-$1 ] || touch {folder}/held-$1
    while [ -e {folder}/hold-$1 ]; do sleep 0.02; done
}}
for word; do
    [ "$word" != -c ] || pause check
    [ "$word" != -sf ] || pause reload
done
exec -a "$0" {haproxy} "$@"
"""
BALANCES = ("leastconn", "roundrobin")  # a change of it needs a reload
LONG = {"quiet": 30.0, "max_wait": 30.0}  # a planned reload waits for as long as anybody needs


def program(folder: Path) -> Path:
    """The script."""
    path = folder / "held-haproxy"
    path.write_text(_PROGRAM.format(folder=folder, haproxy=find("haproxy")))
    path.chmod(0o755)
    return path


class Killer:
    """Brings the agent of ``cell`` to a moment, and kills it there."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.balance = BALANCES[-1]
        self._master: psutil.Process | None = None

    def hold(self, what: str) -> None:
        (self.cell.folder / f"held-{what}").unlink(missing_ok=True)
        (self.cell.folder / f"hold-{what}").touch()

    def until_held(self, what: str) -> None:
        eventually((self.cell.folder / f"held-{what}").exists, what=f"HAProxy held at {what}")

    def release(self, *what: str) -> None:
        for name in what or ("check", "reload"):
            (self.cell.folder / f"hold-{name}").unlink(missing_ok=True)

    def kill_at(self, point: "Point") -> None:
        """Kill the agent at this moment; afterwards nothing is held any more."""
        point.reached(self)
        self.kill()
        self.release()
        self.resume_master()

    def until_all_say_the_same(self) -> None:
        """HAProxy, the file and the agent: the node, and the balance that was asked for."""
        self.cell.until_status(lambda status: status["in_step"], "an agent in step")
        eventually(lambda: f"server {LATE} " in self.cell.config, what="the node in the file")
        assert f"balance {self.balance}" in self.cell.config
        assert self.runs_balance() == self.balance
        assert self.staged() == []

    def until_left(self) -> None:
        """The node is in no file either: a check that is held afterwards is not that of its leave.

        HAProxy's list is no sign of it, as commands change it before the file is written.
        """
        eventually(lambda: f"server {LATE} " not in self.cell.config, what="the file without it")
        self.cell.until_status(lambda status: status["in_step"], "an agent in step")
        eventually(lambda: self.staged() == [], what="no file in a check")

    def runs_balance(self) -> str:
        """What HAProxy itself says."""
        with Runtime(str(self.cell.state / "haproxy.sock")) as runtime:
            [row] = [row for row in runtime.stats("nodes") if row.kind == "backend"]
        return row.fields["algo"]

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.cell.status["pid"], number)

    def kill(self) -> None:
        agent = psutil.Process(self.cell.status["pid"])
        agent.kill()
        with suppress(psutil.TimeoutExpired):  # a child of ours that nobody waits for
            agent.wait(5)

    def suspend_master(self) -> None:
        self._master = psutil.Process(self.cell.haproxy_pid())
        self._master.suspend()

    def resume_master(self) -> None:
        if self._master is not None:
            self._master.resume()
            self._master = None

    def ask_for_reload(self, **agent: float) -> None:
        """Another balance, read by the agent; the node joins along with it."""
        self.balance = BALANCES[self.balance == BALANCES[0]]
        self.cell.change_settings(vars={"balance": self.balance}, agent=agent)
        self.signal(signal.SIGHUP)

    def worker(self) -> int:
        with suppress(HaproxyError), Runtime(str(self.cell.state / "haproxy.sock")) as runtime:
            return runtime.info().pid
        return 0

    def until_in_haproxy(self) -> None:
        eventually(lambda: LATE in self.cell.servers(), every=0.002, what="the node in HAProxy")

    def staged(self) -> list[Path]:
        return list(self.cell.state.glob(".haproxy.cfg.*.tmp"))


Moment = Callable[[Killer], None]


def _at_the_news(killer: Killer) -> None:
    killer.signal(signal.SIGSTOP)
    killer.cell.join_late()


def _commands_done(killer: Killer) -> None:
    killer.hold("check")
    killer.cell.join_late()
    killer.until_in_haproxy()


def _in_check(killer: Killer) -> None:
    _commands_done(killer)
    killer.until_held("check")
    assert killer.staged()
    assert f"server {LATE} " not in killer.cell.config


def _written(killer: Killer) -> None:
    killer.cell.join_late()
    eventually(lambda: f"server {LATE} " in killer.cell.config, every=0.002)


def _reload_planned(killer: Killer) -> None:
    killer.ask_for_reload(**LONG)
    killer.cell.join_late()
    killer.cell.until_status(lambda status: not status["in_step"], "a change that waits")
    assert f"balance {killer.balance}" not in killer.cell.config


def _reload_in_check(killer: Killer) -> None:
    killer.hold("check")
    killer.ask_for_reload()
    killer.cell.join_late()
    killer.until_held("check")
    assert killer.staged()


def _written_not_reloaded(killer: Killer) -> None:
    _reload_in_check(killer)
    killer.suspend_master()
    killer.release("check")
    eventually(lambda: f"balance {killer.balance}" in killer.cell.config, what="the new file")


def _reloading(killer: Killer) -> None:
    killer.hold("reload")
    killer.ask_for_reload()
    killer.cell.join_late()
    killer.until_held("reload")


def _reloaded_not_read_back(killer: Killer) -> None:
    _reloading(killer)
    before = killer.worker()
    killer.signal(signal.SIGSTOP)
    killer.release("reload")
    eventually(lambda: killer.worker() not in (0, before), what="a new worker")


@dataclass(frozen=True, slots=True)
class Point:
    """A moment; ``reached`` returns when the agent is there, and stays there."""

    name: str
    reached: Moment


POINTS = (
    Point("the news is there, nothing is done", _at_the_news),
    Point("HAProxy has the server, the file has not", _commands_done),
    Point("the file is staged and in haproxy -c", _in_check),
    Point("the file is renamed", _written),
    Point("a reload is planned and waits for quiet", _reload_planned),
    Point("a reload's file is staged and in haproxy -c", _reload_in_check),
    Point("a reload's file is renamed, the master idle", _written_not_reloaded),
    Point("HAProxy is in the middle of the reload", _reloading),
    Point("HAProxy has reloaded, nobody read it back", _reloaded_not_read_back),
)
FEW = tuple(
    point
    for point in POINTS
    if point.reached in (_at_the_news, _in_check, _reloading, _reloaded_not_read_back)
)
