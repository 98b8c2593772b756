"""A journal of a million entries: writing it, and what the commands take to read it."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from benchmarks.report import Report, arguments
from benchmarks.servers import LBDISC, scratch
from lbdisc import Endpoint, events
from lbdisc.events import Cause
from lbdisc.rendered import Rendered
from lbdisc_history.recorder import HistoryRecorder
from lbdisc_history.settings import HistorySettings
from lbdisc_history.writing import JournalWriter

NODES = 1000
MOST_MB = 2000
OLD = "long-gone"  # the node of which only the first entries tell


def node(name: str) -> dict[str, object]:
    return {"service": "nodes", "name": name, "address": "10.0.0.7", "port": 3000}


def entries(count: int) -> Iterator[dict[str, object]]:
    """Nodes that go and come: the registry's news, and a generation for each."""
    begin = time.time() - count
    for number in range(count // 2):
        name = OLD if number < 2 else f"web-{number // 2 % NODES}"
        what = "went" if number % 2 else "came"
        cause = {"source": "etcd", "revision": str(number)}
        head = {"unix_s": begin + 2 * number, "monotonic_s": float(2 * number)}
        change = {what: [node(name)], "cause": cause}
        yield {**head, "event": "news", **change, "total": NODES}
        done = {"generation": number + 1, "digest": f"{number:012x}", "how": "runtime", "ms": 4.0}
        commands = [f"set server nodes/{name} state {'maint' if number % 2 else 'ready'}"]
        yield {**head, "event": "running", **done, **change, "commands": commands, "count": NODES}


def fill(folder: Path, count: int) -> tuple[float, int]:
    """Seconds of processor time and bytes of a journal of ``count`` entries."""
    journal, began = JournalWriter(folder, most=MOST_MB * 1_000_000), time.process_time()
    served, file = "".join(f"{json.dumps(node(f'web-{n}'))}\n" for n in range(NODES)), 0
    for entry in entries(count):
        if entry["event"] == "running" and file != journal.file:
            file, entry["served"] = journal.file, journal.keep(served)
        journal.append(entry)
    taken = time.process_time() - began
    journal.close()
    return taken, sum(file.stat().st_size for file in folder.iterdir())


def asked(folder: Path, *words: str) -> tuple[float, float, float, int]:
    """Seconds of processor and wall, the most memory in MB, and lines of a command's answer."""
    settings = ("--set", f"history.folder={folder}", "--set", f"state_dir={folder.parent}")
    began = time.monotonic()
    with subprocess.Popen([LBDISC, *words, *settings], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = sum(1 for _ in process.stdout)
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    wall = time.monotonic() - began
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, lines


def heard(folder: Path, make: Callable[[int], events.Event], count: int) -> float:
    """Milliseconds of processor time of the listener for one event."""
    recorder = HistoryRecorder(HistorySettings(folder=folder))
    recorder.hear(events.ProgramStarted(program="run", version="", backend="etcd"))
    told = [make(number) for number in range(1, count + 1)]
    began = time.process_time()
    for event in told:
        recorder.hear(event)
    taken = time.process_time() - began
    recorder.close()
    return 1000 * taken / count


def waited(folder: Path, times: int) -> tuple[float, float]:
    """Milliseconds that the listener waits for the disk after ten entries: median, and most."""
    journal, found = JournalWriter(folder, most=MOST_MB * 1_000_000), []
    told = entries(20 * times)
    for _ in range(times):
        for entry in islice(told, 10):
            journal.append(entry)
        began = time.monotonic()
        journal.sync()
        found.append(1000 * (time.monotonic() - began))
    journal.close()
    return median(found), max(found)


def generation(number: int, size: int) -> events.Event:
    """One in which one of ``size`` nodes changed, with a text like the default template's."""
    served = tuple(
        Endpoint(
            service="nodes", name=f"web-{n}", address=f"10.0.{n // 250}.{n % 250 + 1}", port=80
        )
        for n in range(size)
    )
    line = "    server {} {} inter 1s fastinter 200ms downinter 1s rise 2 fall 3 weight {}\n"
    text = "".join(line.format(e.name, e.host_port, number) for e in served)
    return events.GenerationApplied(
        generation=number,
        digest=f"{number:012x}",
        how="runtime",
        came=served[:1],
        endpoints=served,
        rendered=Rendered(text),
        cause=Cause(source="etcd", revision=str(number)),
    )


def main() -> None:
    given = arguments(__doc__)
    count = 10_000 if given.quick else 1_000_000
    report = Report("History: a journal of a million entries", quick=given.quick)
    with scratch() as folder:
        journal = folder / "history"
        taken, size = fill(journal, count)
        rows = [[f"write {count:,} entries ({size / 1e6:.0f} MB)", f"{taken:.2f} s", "", "", ""]]
        for words in (
            ("--version",),
            ("history", "--limit", "20"),
            ("history", "--since", "1h", "--json"),
            ("why", "web-7"),
            ("why", OLD),
            ("why", "nobody"),
            ("show", str(count // 4)),
        ):
            cpu, wall, memory, lines = asked(journal, *words) if len(words) > 1 else plain()
            name = f"`lbdisc {' '.join(words)}`"
            rows.append([name, f"{cpu:.2f} s", f"{wall:.2f} s", f"{memory:.0f} MB", str(lines)])
            print(rows[-1], flush=True)
    report.table(["", "processor", "wall", "most memory", "lines"], rows)
    told = []
    with scratch() as folder:
        for nodes in (10, 1000, 10_000):
            times = 20 if nodes > 1000 else 100
            ms = heard(folder / str(nodes), partial(generation, size=nodes), times)
            told.append([f"{nodes:,}", f"{ms:.2f} ms"])
    report.table(["endpoints", "listener, processor time for a generation with its text"], told)
    with scratch() as folder:
        typical, most = waited(folder, 20 if given.quick else 200)
    report.note(
        "The listener waits for the disk once a second at most, in its own thread. After ten"
        f" entries that took {typical:.2f} ms, the median of as many groups; {most:.1f} ms at most."
    )
    report.note(
        f"Entries as an agent writes them, half of them generations of {NODES:,} endpoints, without"
        f" their texts. Of `{OLD}` only the first entries tell, of `nobody` none. `--version` is"
        " what any command takes."
    )
    report.finish()


def plain() -> tuple[float, float, float, int]:
    """What any command takes at least."""
    began = time.monotonic()
    with subprocess.Popen([LBDISC, "--version"], stdout=subprocess.PIPE) as process:
        _, code, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    wall = time.monotonic() - began
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024, 1


if __name__ == "__main__":
    main()
