"""Discovery ``file``: a folder with a file for each node, watched through the kernel."""

import time
from collections.abc import Iterable
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

import structlog
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from lbdisc.builtin.file import entry
from lbdisc.builtin.file.folder import Folder, Identity
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.hooks import Publish
from lbdisc.values import Snapshot

log = structlog.get_logger("lbdisc.file")
STEP = 2  # milliseconds between two looks at the kernel's queue: a node is seen after about four
GATHER = 20  # milliseconds that a burst of changes may be gathered for
SWAPPED = "..data"  # the link to all the files' content that Kubernetes replaces in a ConfigMap
SLICE = 0.5  # seconds that one wait takes at most: then the folder itself is looked at
NAMED = 3  # files named in a revision
RACE = 0.01  # seconds to wait after a folder went while it was listed
POLL = 0.5  # seconds between two looks at everything where the kernel tells of nothing


class FileDiscovery:
    """Publishes what the folder's files say; see ``lbdisc.hooks.Discovery``."""

    def __init__(self, settings: FileSettings, service: str = "") -> None:
        self._settings = settings
        self._folder = Folder(settings, service)
        self._known = False
        self._published: Snapshot | None = None

    def only(self, service: str) -> "FileDiscovery":
        """See ``lbdisc.abilities.Narrows``."""
        return FileDiscovery(self._settings, service)

    def watch(self, publish: Publish, stop: Event) -> None:
        """Raises ``SettingsError`` if the folder was never there, ``DiscoveryError`` if it went."""
        self._published = None
        while not stop.is_set():
            try:
                self._watch_folders(publish, stop)
            except OSError as error:
                if not isinstance(error, FileNotFoundError) or not self._settings.dir.is_dir():
                    raise self._explained(error) from error
                stop.wait(RACE)  # a service's folder went between two looks

    def _watch_folders(self, publish: Publish, stop: Event) -> None:
        """Until ``stop``, or until other folders have to be watched."""
        watched = self._folder.folders()
        with Notices(watched) as notices:
            # The kernel's watches are set by now: it tells of what changes after this list.
            listed = self._folder.scan()
            self._known = True
            self._publish(publish)
            if listed == watched:
                self._follow(notices, watched, publish, stop)

    def _follow(
        self,
        notices: "Notices",
        watched: dict[Path, Identity],
        publish: Publish,
        stop: Event,
    ) -> None:
        """Look at what the kernel tells, at everything now and then, and at leases that end."""
        rescan = time.monotonic() + self._settings.rescan
        while not stop.is_set():
            end = self._folder.next_end
            changed = notices.wait(min(rescan, end) - time.monotonic(), stop)
            root = self._settings.dir.stat()
            if (root.st_dev, root.st_ino) != watched[self._settings.dir]:
                return
            now = time.monotonic()
            news, told = False, ""
            # A lease that seems to have ended may have been renewed while this process starved.
            if changed is None or now >= min(rescan, end):
                news = True
                if self._folder.scan() != watched:
                    return
                # Of a large folder, seldom enough to cost no more than a hundredth of the time.
                took = time.monotonic() - now
                rescan = now + max(self._settings.rescan, 100 * took)
            else:
                for path in changed:
                    if self._folder.is_folder(path):
                        return
                    news |= self._folder.look(path)
                told = _revision(changed)
            if news:
                self._publish(publish, now, told)

    def _publish(self, publish: Publish, looked: float | None = None, told: str = "") -> None:
        """Publish what is new; an endpoint whose file was removed is told as draining first."""
        now = self._folder.snapshot(looked)
        before = self._published
        left = self._folder.take_left()
        if before is not None and left:
            known = [before.get(key) for key in left if now.get(key) is None]
            leaving = [e.drain() for e in known if e is not None and not e.draining]
            if leaving:
                publish(now.patched(leaving, ()), revision=told)
        if before is None or (now, now.problems) != (before, before.problems):
            self._published = now
            publish(now, revision=told)

    def _explained(self, error: OSError) -> Exception:
        what = f"file.dir: cannot list {self._settings.dir}: {error.strerror or error}"
        if self._known:
            return DiscoveryError(what)
        return SettingsError(f"{what}; name a folder that exists and can be read")


def _revision(changed: list[Path]) -> str:
    """The files that the kernel told of; a folder has no other revision."""
    names = sorted(path.name for path in changed)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    text = " ".join(names[:NAMED]) + more
    return text if text.isprintable() else ascii(text)[1:-1]


class Notices:
    """The kernel's notices of changes in ``folders``, registered when this is made."""

    def __init__(self, folders: Iterable[Path]) -> None:
        paths = [str(folder) for folder in folders]
        self._kernel: RustNotify | None = None
        try:
            self._kernel = RustNotify(paths, False, False, 300, False, True)
        except FileNotFoundError:
            raise
        except (OSError, WatchfilesRustInternalError) as error:
            # The limits of fs.inotify are shared by all programs of a user; slower is not blind.
            log.warning("the kernel watches no more folders: polling", reason=str(error))

    def wait(self, timeout: float, stop: Event) -> list[Path] | None:
        """What changed, after ``timeout`` seconds at most; ``None`` if only a scan can tell."""
        if self._kernel is None:
            stop.wait(max(0.0, min(timeout, POLL)))
            return None
        milliseconds = max(1, int(min(timeout, SLICE) * 1000))
        found = self._kernel.watch(GATHER, STEP, milliseconds, stop)
        if found == "signal":
            raise KeyboardInterrupt
        if isinstance(found, str):
            return []
        paths = {Path(path) for _, path in found}
        if any(path.name == SWAPPED for path in paths):
            return None
        return [path for path in paths if not entry.passed_over(path.name)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._kernel is not None:
            self._kernel.close()
