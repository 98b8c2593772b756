"""WebSockets cut while 20 nodes join and leave, on each HAProxy that is at hand.

``HAPROXIES`` may name the folder with them, as ``VERSION/haproxy``; ``build/haproxies`` if unset.
"""

import json
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.agents import Agent
from benchmarks.report import Report, arguments
from benchmarks.servers import scratch
from benchmarks.versions import FOLDER
from lbdisc import atomic
from lbdisc_lab.websockets import WebSocketApps, WebSockets

BASE = ("b1", "b2", "b3", "b4")
EACH = 4  # WebSockets opened after each join
EVERY = 0.5  # seconds between two changes
GRACE = 3.0  # seconds that an app serves on after its leave
AFTER = 40.0  # seconds to look on after the last change: the settling reload, and 30 s
BEFORE = {"haproxy.settle_limit": 0, "jinja2.vars.hard_stop_after": "30s"}
WAYS: Mapping[str, Mapping[str, object]] = {
    "run time": {},
    "run time, 30 s for old workers, settling does not wait": BEFORE,
    "a reload for each change": {"haproxy.runtime": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """WebSockets ``opened``, and cut: on nodes that stay, and on others before and by their end."""

    opened: int
    staying: int
    early: int
    by_node: int
    reloads: int
    workers: int


def programs() -> dict[str, str]:
    """Versions and programs; the machine's own where there are none."""
    found = {path.parent.name: str(path) for path in sorted(FOLDER.glob("*/haproxy"))}
    return found or {"of the machine": "haproxy"}


def measure(
    folder: Path, binary: str, settings: Mapping[str, object], *, nodes: int, count: int
) -> Found:
    """What became of ``count`` WebSockets while ``nodes`` join, and leave one after the other."""
    records = folder / "nodes" / "nodes"
    records.mkdir(parents=True)
    come = [f"n{number}" for number in range(nodes)]
    known = {"file.dir": str(records.parent), "haproxy.binary": binary, **settings}
    with ExitStack() as stack:
        apps = stack.enter_context(WebSocketApps(*BASE, *come))
        for name in BASE:
            _list(records, name, apps.ports[name])
        agent = stack.enter_context(Agent(folder / "agent", "file", known))
        agent.start().until(len(BASE))
        clients = stack.enter_context(WebSockets(agent.port, count - EACH * nodes))
        before = agent.processes().reloads
        for done, name in enumerate(come, 1):
            _list(records, name, apps.ports[name])
            agent.until(len(BASE) + done)
            clients.more(EACH)
            time.sleep(EVERY)
        early = 0
        for left, name in enumerate(reversed(come), 1):
            _list(records, name, apps.ports[name], state="draining")
            time.sleep(EVERY)
            (records / f"{name}.json").unlink()
            agent.until(len(BASE) + nodes - left)
            time.sleep(EVERY)
        time.sleep(GRACE)
        for name in come:
            early += sum(cut.node == name for cut in clients.cut)
            apps.close(name)
        time.sleep(AFTER)
        staying = sum(cut.node in BASE for cut in clients.cut)
        now = agent.processes()
        return Found(
            opened=count,
            staying=staying,
            early=early,
            by_node=len(clients.cut) - staying - early,
            reloads=now.reloads - before,
            workers=len(now.workers) + len(now.old),
        )


def _list(records: Path, name: str, port: int, state: str = "ready") -> None:
    record = {"address": "127.0.0.1", "port": port, "state": state}
    atomic.write(records / f"{name}.json", json.dumps(record))


def main() -> None:
    given = arguments(__doc__)
    nodes, count = (3, 20) if given.quick else (20, 200)
    title = f"WebSockets: {count} through {nodes} joins and {nodes} leaves"
    report = Report(title, quick=given.quick)
    rows: list[list[object]] = []
    for version, binary in programs().items():
        for name, settings in WAYS.items():
            if not re.search(given.only, f"{version} {name}"):
                continue
            with scratch() as folder:
                found = measure(folder, binary, settings, nodes=nodes, count=count)
            cut = (found.staying, found.early, found.by_node)
            rows.append([version, name, found.opened, *cut, found.reloads, found.workers])
            print(rows[-1], flush=True)
    cut_columns = ("cut on nodes that stay", "on leaving ones before they end", "by their end")
    report.table(("HAProxy", "way", "opened", *cut_columns, "reloads", "workers at the end"), rows)
    report.note(
        f"Each says something twice a second. {EACH} of them are opened after each join, so that"
        f" some are on nodes that leave; a leave is a drain of {EVERY:g} s, and the node itself"
        f" ends at least {GRACE:g} s later. Looked on for {AFTER:g} s after the last change. A new"
        " worker begins with the first servers: where each change is a reload, few or none come to"
        " a node that leaves."
    )
    report.finish()


if __name__ == "__main__":
    main()
