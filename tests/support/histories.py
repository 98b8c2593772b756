"""Journals for tests: made by the plugin's own writer and listener."""

from pathlib import Path

from lbdisc import Endpoint, events
from lbdisc.events import Cause
from lbdisc.rendered import Rendered
from lbdisc.values import Snapshot
from lbdisc_history.reading import JournalFolder
from lbdisc_history.recorder import HistoryRecorder
from lbdisc_history.settings import HistorySettings
from lbdisc_history.writing import JournalWriter

MB = 1_000_000


def node(number: int, **parts: object) -> Endpoint:
    found = {"service": "nodes", "name": f"web-{number}", "address": f"10.0.0.{number}"}
    return Endpoint(**{**found, "port": 3000, **parts})  # type: ignore[arg-type]


def writer(folder: Path, *, most: int = MB) -> JournalWriter:
    return JournalWriter(folder, most=most)


def filled(folder: Path, count: int) -> Path:
    """A journal of so many entries; returns its one file."""
    made = writer(folder)
    for number in range(1, count + 1):
        made.append({"unix_s": 1000.0 + number, "event": "news", "total": number})
    made.close()
    (file,) = folder.glob("*.ndjson")
    return file


def numbers(folder: Path) -> list[int]:
    return [entry["seq"] for entry in JournalFolder(folder).forwards()]


class Told:
    """What a listener with a journal in `folder` is told, as the agent tells it."""

    def __init__(self, folder: Path, *, program: str = "run", **settings: object) -> None:
        self.folder = folder
        self.now = 0.0  # of a clock that never goes back
        made = HistorySettings(folder=folder, **settings)  # type: ignore[arg-type]
        self.recorder = HistoryRecorder(made, lambda: self.now)
        self.snapshot = Snapshot()
        self.number = 0
        self.tell(events.ProgramStarted(program=program, version="1", backend="etcd"))

    def tell(self, event: events.Event) -> None:
        self.recorder.hear(event)

    def serve(self, *endpoints: Endpoint, text: str = "", **parts: object) -> None:
        """The registry's news, and the generation that they led to."""
        now = Snapshot.of(endpoints)
        change, before = now.since(self.snapshot), self.snapshot
        pairs = tuple((old, e) for e in change.changed if (old := before.get(e.key)))
        self.snapshot, self.number = now, self.number + 1
        delta = {"came": change.added, "went": change.removed, "changed": pairs}
        cause = Cause(source="etcd", revision=str(8000 + self.number))
        self.tell(events.RegistryNews(total=len(now), cause=cause, **delta))  # type: ignore[arg-type]
        rendered = Rendered(text or "".join(f"server {e.name} {e.host_port}\n" for e in endpoints))
        applied = {"generation": self.number, "digest": rendered.digest[:12], "how": "runtime"}
        known = {"endpoints": now.endpoints, "rendered": rendered, "cause": cause, "ms": 4.0}
        self.tell(events.GenerationApplied(**{**applied, **delta, **known, **parts}))  # type: ignore[arg-type]

    def close(self) -> JournalFolder:
        self.recorder.close()
        return JournalFolder(self.folder)
