"""Throughput through servers that joined at run time, beside servers of the file."""

import re
import subprocess
import time
from pathlib import Path

from benchmarks.agents import Agent
from benchmarks.report import Report, arguments, median, ratio
from benchmarks.responders import responders
from benchmarks.servers import ask, free_ports
from benchmarks.versions import NEWER, haproxy
from benchmarks.ways import node_files
from lbdisc.testing.waiting import eventually

SERVERS = 4
SETTLE = 4.0  # seconds of quiet until the settling reload, so that there is time to measure before
ROUND = 3  # seconds; shorter than SETTLE
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_FAILED = re.compile(r"(Non-2xx.*|Socket errors.*)")


def wrk(port: int, duration: int) -> float:
    """Requests/s over 32 kept connections. Raises ``RuntimeError`` when any failed."""
    command = ["wrk", "-t1", "-c32", f"-d{duration}s", f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if failed := _FAILED.search(said):
        raise RuntimeError(failed.group())
    found = _RATE.search(said)
    assert found, said
    return float(found.group(1))


def measure(folder: Path, binary: str, rounds: int) -> dict[str, list[float]]:
    """Requests/s by where the servers come from, a fresh agent for each round."""
    found: dict[str, list[float]] = {"file": [], "joined": [], "settled": []}
    ports = free_ports(SERVERS)
    with responders(folder / "apps", ports):
        for number in range(rounds):
            where = folder / f"round{number}"
            (where / "nodes").mkdir(parents=True)
            write, _ = node_files(where / "nodes")
            settings = {
                "file.dir": str(where / "nodes"),
                "haproxy.binary": binary,
                "haproxy.settle_after": SETTLE,
            }
            with Agent(where, "file", settings) as agent:
                agent.start()
                reloads = agent.processes().reloads
                for port in ports:
                    write(f"s{port}", port)
                agent.until(SERVERS)
                eventually(lambda: ask(agent.port), what="an answer")
                found["joined"].append(wrk(agent.port, ROUND))
                time.sleep(3 * SETTLE + 1.5)
                name = "settled" if agent.processes().reloads > reloads else "later"
                found.setdefault(name, []).append(wrk(agent.port, ROUND))
            with Agent(where, "file", settings) as agent:
                agent.start().until(SERVERS)
                eventually(lambda: ask(agent.port), what="an answer")
                found["file"].append(wrk(agent.port, ROUND))
    return found


def main() -> None:
    quick = arguments(__doc__).quick
    report = Report("Throughput: joined at run time against in the file", quick=quick)
    rows = []
    for version in ("2.6", "3.0"):
        if version == "3.0" and not NEWER.exists():
            rows.append([version, "not on this machine (make versions)", "", ""])
            continue
        with haproxy(version) as (folder, binary):
            found = measure(folder, binary, 1 if quick else 4)
        base = median(found["file"])
        labels = {
            "file": "in the file at start",
            "joined": "joined at run time, at once",
            "settled": "the same, after the settling reload",
            "later": "the same, later (nothing to settle)",
        }
        for name, label in labels.items():
            if found.get(name):
                value = median(found[name])
                rows.append([version, label, f"{value:,.0f}", ratio(value * 100, base) + " %"])
    report.table(["HAProxy", f"{SERVERS} servers", "requests/s, median", "of the file's"], rows)
    report.note(
        f"wrk, 32 kept connections, {ROUND} s for each figure, client, balancer and apps (a second "
        "HAProxy) on the same cores."
    )
    report.finish()


if __name__ == "__main__":
    main()
