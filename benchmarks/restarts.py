"""Requests lost while `lbdisc run` is restarted 20 times, and the workers that this leaves."""

import http.client
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from benchmarks.agents import Agent
from benchmarks.load import load
from benchmarks.report import Report, arguments, shown
from benchmarks.servers import Apps, free_ports, scratch
from benchmarks.ways import node_files
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually

RATE = 250  # requests/s over connections of each kind
LONG = 4.0  # seconds that a long request takes, longer than a restart
LONG_ONES = 20  # of them at a time
PAUSE = 0.5  # seconds between two restarts


class _Slow(BaseHTTPRequestHandler):
    """Answers a check at once, and a request after a while."""

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        time.sleep(LONG)
        self._answer(b"slow")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if body:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is to be told."""


@contextmanager
def slow_app(port: int) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", port), _Slow)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class LongRequests:
    """What became of them; ``sent`` and ``lost`` are whole when the block is over."""

    port: int
    sent: int = 0
    lost: Counter[str] = field(default_factory=Counter)

    def send(self, stop: Event) -> None:
        while not stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG + 5)
            self.sent += 1
            try:
                connection.request("GET", "/", headers={"Host": "slow"})
                if (status := connection.getresponse().status) != 200:
                    self.lost[str(status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.lost[type(error).__name__] += 1
                time.sleep(0.1)
            finally:
                connection.close()


@contextmanager
def long_requests(port: int) -> Iterator[LongRequests]:
    found, stop = LongRequests(port), Event()
    threads = [Thread(target=found.send, args=(stop,)) for _ in range(LONG_ONES)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextmanager
def haproxy_apart(agent: Agent) -> Iterator[None]:
    """HAProxy as a supervisor runs it, with a file that does nothing yet."""
    agent.state.mkdir()
    config, master = agent.state / "haproxy.cfg", agent.state / "master.sock"
    config.write_text(f"listen idle\n  mode http\n  bind 127.0.0.1:{free_ports(1)[0]}\n")
    command: list[str | Path] = ["haproxy", "-W", "-S", master, "-f", config]
    with Process(command, log=agent.state / "haproxy.log", ready=master.is_socket):
        yield


def measure(folder: Path, mode: str, number: signal.Signals, restarts: int) -> dict[str, Any]:
    """What was sent and lost during ``restarts`` by the signal ``number``."""
    nodes = folder / "nodes"
    nodes.mkdir()
    settings = {
        **{"file.dir": str(nodes), "services": ["nodes", "slow"]},
        "haproxy.mode": mode,
        "jinja2.vars.check": "HEAD /",
    }
    with ExitStack() as stack:
        apps = stack.enter_context(Apps(["a", "b", "c"]))
        [slow] = free_ports(1)
        stack.enter_context(slow_app(slow))
        agent = stack.enter_context(Agent(folder / "agent", "file", settings))
        if mode == "attached":
            stack.enter_context(haproxy_apart(agent))
        for name, port in apps.ports.items():
            node_files(nodes)[0](name, port)
        (nodes / "slow").mkdir()
        (nodes / "slow" / "s.json").write_text(f'{{"address": "127.0.0.1", "port": {slow}}}')
        agent.start().until(4)
        eventually(lambda: _all_up(agent), what="four servers up")
        before, most = agent.processes().reloads, 1
        with (
            load(agent.port, RATE, keep_alive=False) as new,
            load(agent.port, RATE, keep_alive=True) as kept,
            long_requests(agent.port) as long,
        ):
            for _ in range(restarts):
                agent.restart(number)
                time.sleep(PAUSE)
                most = max(most, _workers(agent))
            left = _workers(agent)
        return {
            "sent": new["sent"] + kept["sent"],
            "rate": new["rate"] + kept["rate"],
            "lost": Counter(new["reasons"]) + Counter(kept["reasons"]),
            "long": long,
            "reloads": agent.processes().reloads - before,
            "most": most,
            "left": left,
        }


def _all_up(agent: Agent) -> bool:
    with agent.runtime as runtime:
        rows = [row for row in runtime.stats() if row.kind == "server"]
    return len(rows) == 4 and all(row.status.startswith("UP") for row in rows)


def _workers(agent: Agent) -> int:
    now = agent.processes()
    return len(now.workers) + len(now.old)


def main() -> None:
    given = arguments(__doc__)
    restarts = 3 if given.quick else 20
    report = Report(f"Requests lost in {restarts} restarts of lbdisc run", quick=given.quick)
    rows: list[list[object]] = []
    for mode in ("managed", "attached"):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with scratch() as folder:
                found = measure(folder, mode, number, restarts)
            rows.append([mode, number.name, *_row(found)])
            print(rows[-1], flush=True)
    columns = ("HAProxy", "restarts by", "sent", "requests/s", "lost", "long ones", "lost of them")
    report.table([*columns, "reloads", "workers at most", "at the end"], rows)
    report.note(
        f"{2 * RATE} requests/s asked for, half over a new connection each, half over kept ones, "
        f"and {LONG_ONES} requests of {LONG:g} s at a time. A restart ends when the new agent "
        f"says that a generation runs; the next comes {PAUSE:g} s later."
    )
    report.finish()


def _row(found: dict[str, Any]) -> list[object]:
    long = found["long"]
    return [
        *(f"{found['sent']:,}", shown(found["rate"]), _lost(found["lost"])),
        *(long.sent, _lost(long.lost), found["reloads"], found["most"], found["left"]),
    ]


def _lost(lost: Counter[str]) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in lost.most_common())
    return f"{lost.total()} ({reasons})" if reasons else "0"


if __name__ == "__main__":
    main()
