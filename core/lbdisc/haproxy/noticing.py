"""Whether what runs is still what should: another worker, a lost socket, a server that differs."""

from lbdisc.haproxy.errors import HaproxyError
from lbdisc.haproxy.lost_socket import lost_socket
from lbdisc.haproxy.parts import Parts
from lbdisc.rendered import Rendered


class Noticing:
    """Asks HAProxy what it runs; what differs is remembered for the next plan."""

    def __init__(self, parts: Parts) -> None:
        self._memory = parts.memory
        self._workers = parts.workers
        self._running = parts.running
        self._around = parts.around
        self._follower = parts.follower

    def verify(self, running: Rendered, *, thorough: bool) -> str:
        """What differs from ``running``, ``""`` if nothing does; ``thorough``: of any server."""
        difference = self._memory.differs = self._difference(running.text, thorough=thorough)
        if difference and self._running.live is not None:
            self._running.live.close()  # it may be to a worker that has been replaced
        return difference or self._around.news(self._memory.config)

    def _difference(self, candidate: str, *, thorough: bool) -> str:
        if self._workers.died:
            return self._workers.died
        live = self._running.live
        if live is None:
            return self._memory.differs or "what runs is not known"  # since when it is not
        try:
            worker = self._workers.current(live.socket)
        except HaproxyError as error:
            return str(error)
        if path := lost_socket(live.socket):
            return f"the runtime socket {path} is gone"
        if failure := self._follower.error:
            return f"the file cannot follow: {failure}"
        if worker != (ours := live.pid):
            self._running.forget()
            return f"worker {worker} runs instead of {ours}: someone else reloaded it"
        return live.compared(live.around.parse(candidate)) if thorough else ""
