"""Reloads and HAProxy worker processes after 1,000 changes of endpoints."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.agents import Agent
from benchmarks.report import Report, arguments
from benchmarks.servers import Apps
from benchmarks.versions import NEWER, haproxy
from benchmarks.ways import node_files

EVERY = 0.03  # seconds between two changes
STAY = 5  # nodes that have joined and not yet left
SETTLE = 5.0  # seconds, the default


@dataclass(frozen=True)
class Outcome:
    """``workers`` is how many ran in all, ``most`` how many at once."""

    applied: str
    reloads: int
    settled: int
    workers: int
    most: int
    agrees: bool


def measure(folder: Path, binary: str, changes: int, *, runtime: bool) -> Outcome:
    nodes = folder / "nodes"
    nodes.mkdir()
    write, remove = node_files(nodes)
    settings = {"file.dir": str(nodes), "haproxy.binary": binary, "haproxy.runtime": runtime}
    with Apps(["base"]) as apps, Agent(folder, "file", settings) as agent:
        port = apps.ports["base"]
        write("base", port)
        agent.start().until(1)
        before = agent.processes().reloads
        workers: set[int] = set()
        most = 0
        for number in range(changes // 2 + STAY):
            if number < changes // 2:
                write(f"n{number}", port)
                time.sleep(EVERY)
            if number >= STAY:
                remove(f"n{number - STAY}", port)
                time.sleep(EVERY)
            if number % 10 == 0:
                alive = _workers(agent)
                workers |= alive
                most = max(most, len(alive))
        agent.until(1)
        time.sleep(3 * SETTLE + 1.5)
        workers |= _workers(agent)
        status = json.loads((agent.state / "status.json").read_text())["counters"]
        with agent.runtime as runtime_socket:
            rows = [row for row in runtime_socket.observe()[1] if not row.in_maintenance]
        return Outcome(
            applied=", ".join(
                f"{count} {key.removeprefix('applied_')}"
                for key, count in sorted(status.items())
                if key.startswith("applied_")
            ),
            reloads=agent.processes().reloads - before,
            settled=status.get("tended_reload", 0),
            workers=len(workers),
            most=most,
            agrees=[row.server for row in rows] == ["base"],
        )


def _workers(agent: Agent) -> set[int]:
    now = agent.processes()
    return {worker.pid for worker in (*now.workers, *now.old)}


def main() -> None:
    quick = arguments(__doc__).quick
    changes = 60 if quick else 1000
    report = Report(f"Reloads and workers after {changes:,} changes", quick=quick)
    rows: list[list[object]] = []
    for name, version, runtime in (
        ("lbdisc, run time", "2.6", True),
        ("lbdisc, reload", "2.6", False),
        ("lbdisc, run time", "3.0", True),
    ):
        if version == "3.0" and not NEWER.exists():
            rows.append([name, version, "not on this machine (make versions)", *[""] * 5])
            continue
        with haproxy(version) as (folder, binary):
            found = measure(folder, binary, changes, runtime=runtime)
        same = "yes" if found.agrees else "NO"
        rows.append(
            [
                *(name, version, found.applied, found.reloads, found.settled),
                *(found.workers, found.most, same),
            ]
        )
        print(rows[-1], flush=True)
    columns = ("way", "HAProxy", "applied as", "reloads", "of them to settle", "workers seen")
    report.table([*columns, "at most at once", "agrees at the end"], rows)
    report.note(
        f"Node files, one change every {EVERY * 1000:.0f} ms, then {3 * SETTLE + 1.5:g} s of "
        "quiet. Changes that come while one is applied go with the next. Workers are looked at "
        "every 20 changes, so short-lived ones may be missing."
    )
    report.finish()


if __name__ == "__main__":
    main()
