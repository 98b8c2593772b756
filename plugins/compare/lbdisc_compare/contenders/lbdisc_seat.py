"""A load balancer with ``lbdisc run`` and the HAProxy that it manages."""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from lbdisc.haproxy.sockets.master import Master
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import ServerState
from lbdisc_compare.contenders.haproxy_servers import servers_of
from lbdisc_compare.contenders.lbdisc_log import AgentLog
from lbdisc_compare.contenders.lbdisc_settings import SERVICE, lbdisc
from lbdisc_compare.contenders.programs import Program, family, kill_all, signal_all
from lbdisc_compare.hosts.host import Host

START = 60.0  # seconds; an agent with many nodes on a busy machine


class AgentSeat:
    """``lbdisc run`` with the settings in ``settings``, whose ``state_dir`` is ``state``.

    ``agent`` is lbdisc by itself, with what it manages beside HAProxy, and ``kept_by`` the same as
    its process; the faults of the seat are those of the whole host: agent and HAProxy.
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
        self.agent = Program(f"{host.name} agent", host, lambda: self._process, self.start)

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
    def pids(self) -> Sequence[int]:
        """The agent's, HAProxy's, and those of what else the agent manages."""
        return list(dict.fromkeys((*self.agent.pids, *self.balancer_pids)))

    def kill(self) -> None:
        kill_all(self.pids)
        self._process.kill()

    def pause(self) -> None:
        signal_all(signal.SIGSTOP, self.pids)

    def resume(self) -> None:
        signal_all(signal.SIGCONT, self.pids)

    def servers(self) -> Mapping[str, ServerState]:
        """Raises ``LbdiscError`` when HAProxy does not answer within half a second."""
        return servers_of(self.state / "haproxy.sock", SERVICE)

    def stages(self, name: str) -> Mapping[str, float]:
        return self._log.stages(name)
