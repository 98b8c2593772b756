"""Discovery ``file``: a folder with a file for each node, watched through the kernel."""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

from lbdisc.builtin.file import entry
from lbdisc.builtin.file.examining import examinations
from lbdisc.builtin.file.folder import Folder, Identity
from lbdisc.builtin.file.links import DATA, is_folder
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.examining import Examination
from lbdisc.hooks import Publish
from lbdisc.notices import Notices
from lbdisc.showing import plain
from lbdisc.values import Snapshot

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

    @property
    def lease(self) -> float:
        """See ``lbdisc.abilities.Examines``."""
        return self._settings.ttl

    def examine(self, own: Sequence[tuple[str, str]]) -> tuple[Examination, ...]:
        """See ``lbdisc.abilities.Examines``."""
        return examinations(self._settings, own)

    def tidy(self, service: str) -> None:
        """See ``lbdisc.abilities.Examines``."""
        with suppress(OSError):  # one that is not empty is somebody's
            (self._settings.dir / service).rmdir()

    def remind(self, known: Snapshot) -> None:
        """See ``lbdisc.abilities.Remembers``."""
        self._folder.listing.remember(known)

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
        """Until ``stop``, or until ``DIR`` is another folder."""
        watched = self._folder.folders()
        root = self._settings.dir
        with Notices([root], stop, _passed_over) as notices:
            for path in watched.keys() - {root}:
                self._watch(path, notices, watched)
            # The kernel's watches are set by now: it tells of what changes after this list.
            self._scan(notices, watched)
            self._known = True
            self._publish(publish)
            self._follow(notices, watched, publish, stop)

    def _scan(self, notices: Notices, watched: dict[Path, Identity]) -> None:
        """Look at everything, and have the folders that there are watched."""
        listed = self._folder.scan()
        for path in (watched.keys() | listed.keys()) - {self._settings.dir}:
            if watched.get(path) != listed.get(path):
                self._enter(path, notices, watched)

    def _enter(self, path: Path, notices: Notices, watched: dict[Path, Identity]) -> None:
        """The folder of a service has come, or is another, or is gone."""
        watched.pop(path, None)
        if (identity := self._folder.identify(path)) is None:
            notices.leave(path)
        else:
            watched[path] = identity
            self._watch(path, notices, watched)
        self._folder.look_into(path)

    @staticmethod
    def _watch(path: Path, notices: Notices, watched: dict[Path, Identity]) -> None:
        """Have the folder of a service watched; one that lets nobody in, or is gone, harms none.

        ``DIR`` is told of when that changes.
        """
        try:
            notices.watch(path)
        except OSError:
            watched.pop(path, None)

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
            end = self._folder.listing.next_end
            begin = time.monotonic()
            changed = notices.wait(min(rescan, end, begin + LOOK) - begin)
            root = self._settings.dir.stat()
            if (root.st_dev, root.st_ino) != watched[self._settings.dir]:
                return
            now = time.monotonic()
            news, told = False, ""
            if changed is None or now >= rescan:
                news = True
                self._scan(notices, watched)
                took = time.monotonic() - now
                rescan = now + max(self._settings.rescan, SHARE * took)
            else:
                for path in changed:
                    if path == self._settings.dir:
                        return
                    news |= self._look(path, notices, watched)
                told = _revision(changed)
            if now >= end:
                # One that seems to have ended may have been renewed while this process starved.
                news = True
                self._folder.look_at_ended(now)
            if news:
                self._publish(publish, now, told)

    def _look(self, path: Path, notices: Notices, watched: dict[Path, Identity]) -> bool:
        """Look at what the kernel told of; whether that may change what is published."""
        if path.name == DATA:
            self._folder.look_into(path.parent)
            for linked in [each for each in watched if each.parent == path.parent]:
                if linked.is_symlink():  # into it, and so to another folder now
                    self._enter(linked, notices, watched)
            return True
        entered = path in watched or self._folder.is_folder(path)
        if entered:
            self._enter(path, notices, watched)
        if is_folder(path):
            return entered
        return self._folder.look(path) or entered

    def _publish(self, publish: Publish, looked: float | None = None, told: str = "") -> None:
        """Publish what is new; an endpoint whose file was removed is told as draining first."""
        now = self._folder.snapshot(looked)
        before = self._published
        left, leases = self._folder.take_left(), self._folder.listing.take_leases()
        if before is not None and left:
            known = [before.get(key) for key in left if now.get(key) is None]
            leaving = [e.drain() for e in known if e is not None and not e.draining]
            if leaving:
                publish(now.patched(leaving, ()), revision=told, leases=leases)
        if not now.tells_the_same(before):
            self._published = now
            publish(now, revision=told, leases=leases)

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
    return name != DATA and entry.passed_over(name)
