"""Discovery ``file``: a folder with a file for each node, watched through the kernel."""

import time
from collections.abc import Iterable
from pathlib import Path
from threading import Event

from lbdisc.builtin.file import entry
from lbdisc.builtin.file.folder import Folder, Identity
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.hooks import Publish
from lbdisc.notices import Notices
from lbdisc.showing import plain
from lbdisc.values import Snapshot

SWAPPED = "..data"  # the link to all the files' content that Kubernetes replaces in a ConfigMap
LOOK = 0.5  # seconds between two looks at whether DIR is still the same folder
SHARE = 1000  # a rescan may take at most this part of the time
NAMED = 3  # files named in a revision
RACE = 0.01  # seconds to wait after a folder went while it was listed


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
        with Notices(watched, stop, _passed_over) as notices:
            # The kernel's watches are set by now: it tells of what changes after this list.
            listed = self._folder.scan()
            self._known = True
            self._publish(publish)
            if listed == watched:
                self._follow(notices, watched, publish, stop)

    def _follow(
        self,
        notices: Notices,
        watched: dict[Path, Identity],
        publish: Publish,
        stop: Event,
    ) -> None:
        """Look at what the kernel tells, at everything now and then, and at leases that end."""
        rescan = time.monotonic() + self._settings.rescan
        while not stop.is_set():
            end = self._folder.next_end
            begin = time.monotonic()
            changed = notices.wait(min(rescan, end, begin + LOOK) - begin)
            if changed and any(path.name == SWAPPED for path in changed):
                changed = None
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
                took = time.monotonic() - now
                rescan = now + max(self._settings.rescan, SHARE * took)
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


def _revision(changed: Iterable[Path]) -> str:
    """The files that the kernel told of; a folder has no other revision."""
    names = sorted(path.name for path in changed)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return " ".join(map(plain, names[:NAMED])) + more


def _passed_over(name: str) -> bool:
    return name != SWAPPED and entry.passed_over(name)
