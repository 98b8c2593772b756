"""Cold start with 10,000 endpoints, against HAProxy's own start with that file."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.cost import Shape, etcd_agent, file_agent, names
from benchmarks.report import Report, arguments, median, ratio, seconds
from benchmarks.responders import responders
from benchmarks.servers import ask, free_ports, nofile, scratch
from benchmarks.ways import rendered
from lbdisc.testing.processes import Process, free_port

LIMIT = 120.0  # seconds


def _first_answer(port: int, start: Callable[[], object]) -> float:
    began = time.monotonic()
    start()
    while not ask(port):
        if time.monotonic() > began + LIMIT:
            raise RuntimeError(f"nothing was served in {LIMIT:g} s")
        time.sleep(0.005)
    return time.monotonic() - began


def haproxy_alone(folder: Path, count: int, app: int) -> float:
    state, port = folder / "state", free_port()
    state.mkdir()
    (state / "haproxy.state").write_text("1\n")
    config = state / "haproxy.cfg"
    config.write_text(rendered(state, port, dict.fromkeys(names(count), app), check_inter="1h"))
    command: list[str | Path] = ["haproxy", "-W", "-S", f"{state}/master.sock", "-f", config]
    process = Process(command, log=folder / "haproxy.log")
    try:
        return _first_answer(port, process.start)
    finally:
        process.stop()


def check_alone(folder: Path, count: int, app: int) -> float:
    """``haproxy -c`` on the file, which lbdisc runs before it starts HAProxy."""
    config = folder / "haproxy.cfg"
    config.write_text(rendered(folder, free_port(), dict.fromkeys(names(count), app)))
    (folder / "haproxy.state").write_text("1\n")
    began = time.monotonic()
    subprocess.run(["haproxy", "-c", "-f", config], check=True, capture_output=True)
    return time.monotonic() - began


def lbdisc_file(folder: Path, count: int, app: int) -> float:
    with file_agent(folder, Shape(1, count), app) as (agent, _, _):
        return _first_answer(agent.port, agent.launch)


def lbdisc_etcd(folder: Path, count: int, app: int) -> float:
    with etcd_agent(folder, Shape(1, count), app) as (agent, _, _):
        return _first_answer(agent.port, agent.launch)


WAYS = {
    "haproxy -W -f FILE": haproxy_alone,
    "haproxy -c -f FILE": check_alone,
    "lbdisc run, file": lbdisc_file,
    "lbdisc run, etcd": lbdisc_etcd,
}


def main() -> None:
    quick = arguments(__doc__).quick
    nofile()
    report = Report("Cold start: process start → first request served", quick=quick)
    rows = []
    for count in (10, 1000) if quick else (10, 10_000):
        base = 0.0
        for name, measure in WAYS.items():
            times = []
            for _ in range(1 if quick else 2):
                with scratch() as folder:
                    [app] = free_ports(1)
                    with responders(folder / "apps", [app]):
                        times.append(measure(folder, count, app))
            base = base or median(times)
            rows.append([name, f"{count:,}", seconds(times), ratio(median(times), base)])
            print(rows[-1], flush=True)
    report.table(["what", "endpoints", "s, median (least to most)", "× HAProxy alone"], rows)
    report.note("An empty state folder; `haproxy -c` for its whole run. lbdisc runs both after it.")
    report.finish()


if __name__ == "__main__":
    main()
