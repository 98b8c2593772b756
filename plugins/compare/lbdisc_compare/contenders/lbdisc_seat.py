"""A load balancer with ``lbdisc run`` and the HAProxy that it manages."""

import json
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.sockets.master import Master
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Part, ServerState
from lbdisc_compare.contenders.haproxy_servers import servers_of
from lbdisc_compare.contenders.lbdisc_log import AgentLog
from lbdisc_compare.contenders.lbdisc_settings import SERVICE, lbdisc
from lbdisc_compare.contenders.programs import Program, family, kill_all, signal_all
from lbdisc_compare.hosts.host import Host

START = 60.0  # seconds; an agent with many nodes on a busy machine


class AgentSeat:
    """``lbdisc run`` with the settings in ``settings``, whose ``state_dir`` is ``state``.

    The faults of the seat are those of the whole host: HAProxy, and ``agent``, which is lbdisc with
    what it manages beside HAProxy. Implements ``Steered`` and ``Guarded``.
    """

    def __init__(self, host: Host, port: int, settings: Path, state: Path) -> None:
        self.name = host.name
        self.host = host
        self.port = port
        self.state = state
        log = settings.with_name("agent.log")
        self._log = AgentLog(log)
        self._process = Process(host.command(*lbdisc("run", settings)), log=log)
        self._master = 0
        self._before = 0
        self.agent = Program(
            f"{host.name} agent",
            host,
            lambda: self._process,
            self.start,
            others=lambda: self.balancer_pids,
        )

    def start(self) -> None:
        """Returns once a generation runs."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        self._before = self._log.generations
        self._process.start()

    def wait_ready(self) -> None:
        eventually(self._runs, deadline=START, what=f"lbdisc run on {self.name}")
        self._note_master()

    def _note_master(self) -> None:
        self._master = Master(self.state / "master.sock").processes().master

    def _runs(self) -> bool:
        if not self._process.running:
            raise RuntimeError(f"lbdisc run ended: {self._process.log_tail()}")
        return self._log.generations > self._before

    @property
    def balancer_pids(self) -> Sequence[int]:
        """HAProxy's: master and workers."""
        return family(self._master) if self._master else []

    @property
    def steering(self) -> Sequence[Part]:
        return (self.agent,)

    @property
    def pids(self) -> Sequence[int]:
        """The agent's, HAProxy's, and those of what else the agent manages."""
        return list(dict.fromkeys((*self.agent.pids, *self.balancer_pids)))

    def kill(self) -> None:
        if not self._master:  # killed while it starts: HAProxy may be there already
            with suppress(HaproxyError):
                self._note_master()
        kill_all(self.pids)
        self._process.kill()

    def pause(self) -> None:
        signal_all(signal.SIGSTOP, self.pids)

    def resume(self) -> None:
        signal_all(signal.SIGCONT, self.pids)

    def servers(self) -> Mapping[str, ServerState]:
        """Raises ``LbdiscError`` when HAProxy does not answer within half a second."""
        return servers_of(self.state / "haproxy.sock", SERVICE)

    def held(self) -> Sequence[str]:
        """By the agent's status file; what it said last, if the agent is frozen or gone."""
        try:
            status = json.loads((self.state / "status.json").read_text())
        except (OSError, ValueError):
            return ()  # not written yet
        return [endpoint["name"] for endpoint in status.get("held", ())]

    def stages(self, name: str) -> Mapping[str, float]:
        return self._log.stages(name)
