"""Files that HAProxy has read beside its configuration: what they held then, and hold now."""

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lbdisc.beside import FilesBeside
from lbdisc.errors import CheckError
from lbdisc.haproxy.beside.contents import Contents, Digests, folders_of
from lbdisc.haproxy.beside.expansion import Expansion, Where, expand
from lbdisc.haproxy.beside.planning import AT_ONCE, FilesPlan, differences, plan
from lbdisc.haproxy.language.model import Configuration
from lbdisc.haproxy.language.named_files import (
    NamedFile,
    crt_base,
    default_path,
    named_files,
    set_variables,
    with_variables,
)
from lbdisc.haproxy.process.surroundings import Surroundings
from lbdisc.rendered import Rendered

QUIET_LIMIT = 2.0  # seconds that a reload waits for files that are being written
AGAIN = 60.0  # seconds until HAProxy is asked again whether it takes what it has refused
Check = Callable[[Path, Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNames:
    """The files that a configuration names; ``ours`` are those that lbdisc renders, and texts."""

    config: Path
    files: tuple[NamedFile, ...] = ()
    where: Where
    ours: Mapping[Path, str]
    stapled: bool = False

    @classmethod
    def of(
        cls,
        config: Path,
        rendered: Rendered,
        model: Configuration,
        around: Callable[[], Surroundings] = Surroundings.own,
    ) -> "FileNames":
        """``around`` tells what HAProxy's words mean, where they alone do not."""
        files, base, path = named_files(model), crt_base(model), default_path(model)
        words = (*(word for its in files for word in (its.word, its.base)), base, *path[1:])
        if any("$" in word or not word.startswith("/") for word in words if word):
            here = around()
            known = {**here.variables, **set_variables(model)}
            exact = partial(with_variables, variables=known)
            files = tuple(replace(i, word=exact(i.word), base=exact(i.base)) for i in files)
            base, path = exact(base), tuple(map(exact, path))
            origin = _origin(path, config, here.folder)
        else:
            origin = _origin(path, config, Path("/"))
        return cls(
            config=config,
            files=files,
            where=Where(origin, base),
            ours={_placed(config, name): text for name, text in rendered.files},
            stapled="ocsp-update" in rendered.text,
        )

    def on_disk(self) -> Expansion:
        return expand(self.files, self.where, self.ours)


def _placed(config: Path, name: str) -> Path:
    return Path(os.path.normpath(config.parent / name))


def _origin(words: tuple[str, ...], config: Path, cwd: Path) -> Path:
    """Configuration manual 3.1, "default-path"."""
    if words[0] == "config":
        return config.parent
    if words[0] == "parent":
        return config.parent.parent
    return Path(words[1]) if words[0] == "origin" and len(words) > 1 else cwd


class Beside:
    """``read`` is what the worker that serves has read, ``None`` while that is not known.

    ``check`` is called with the file that runs, to have a change tried before it is brought in.
    """

    def __init__(self, check: Check) -> None:
        self.read: Contents | None = None
        self._check = check
        self._names: FileNames | None = None
        self._expansion: Expansion = {}
        self._now: Contents = {}
        self._changed: tuple[Path, ...] = ()  # at the last look
        self._digests = Digests()
        self._pending: tuple[FileNames, Contents] | None = None
        self._refused: dict[Path, tuple[str, str]] = {}
        self._good: dict[Path, str] = {}
        self._judged = float("-inf")

    def about_to_read(self, names: FileNames) -> None:
        """HAProxy is about to start, or to read its files anew: ``was_read`` says that it did."""
        self._pending = names, self._left_alone(names)

    def _left_alone(self, names: FileNames) -> Contents:
        """What they hold once nobody writes to them, which is awaited for a moment."""
        end = time.monotonic() + QUIET_LIMIT
        found = self._seen(names)[1]
        while (left := self._digests.restless(found)) and time.monotonic() < end:
            time.sleep(min(left, end - time.monotonic()))
            found = self._seen(names)[1]
        return found

    def was_read(self) -> None:
        if self._pending is not None:
            self._names, self.read = self._pending
            self._refused.clear()
            self._look()

    def adopt(self, names: FileNames, read: Contents) -> None:
        """A worker serves that has ``read`` these."""
        self._names, self.read = names, read
        self._left_alone(names)
        self.look()

    def ours(self, config: Path, before: Rendered, candidate: Rendered) -> FilesPlan:
        """How the files that lbdisc renders become those of ``candidate``."""
        changes = candidate.file_changes(before)
        if any(change != "changed" for _, change in changes) or self._names is None:
            return FilesPlan(reason=candidate.changed_file(before))
        texts = {_placed(config, name): text for name, text in candidate.files}
        changed = tuple(_placed(config, name) for name, _ in changes)
        was, now = dict.fromkeys(changed, "before"), dict.fromkeys(changed, "now")
        found = plan(changed, was, now, self._expansion, texts=texts)
        return FilesPlan(reason=candidate.changed_file(before)) if found.reason else found

    @property
    def origin(self) -> Path:
        """What relative words mean to the worker."""
        return self._names.where.origin if self._names else Path()

    def changes(self, most: int = AT_ONCE) -> FilesPlan:
        """What is to be brought in, and how, as far as was seen at the last look."""
        if self.read is None or self._names is None:
            return FilesPlan()
        changed = tuple(path for path in self._changed if not self._is_refused(path))
        if not changed or self._digests.restless(changed):
            return FilesPlan()
        found = plan(
            changed,
            self.read,
            self._now,
            self._expansion,
            most=len(changed) if self._refused else most,
            stapled=self._names.stapled,
        )
        if any(self._now.get(path) != held for step in found.steps for path, held in step.read):
            return FilesPlan()  # written to this very moment
        # HAProxy would refuse all, with what it has refused already.
        return FilesPlan() if found.reason and self._refused else found

    def look(self) -> FilesBeside:
        """Look at all files; what newly changed is checked once, when it is left alone."""
        if self.read is None or self._names is None:
            return FilesBeside()
        self._look()
        changed = self._changed
        again = self._digests.restless(changed) or None
        if again is None:
            self._judge(self._names.config, {path: self._now.get(path, "") for path in changed})
        self._refused = {p: its for p, its in self._refused.items() if self._is_refused(p)}
        return FilesBeside(
            folders=folders_of((*self._now, *self.read)),
            changed=self.changes().changed,
            refused=tuple((path, why) for path, (_, why) in sorted(self._refused.items())),
            again=again,
        )

    def brought(self, done: FilesPlan) -> None:
        """The steps of ``done`` are in use."""
        now = {path: self._now.get(path, "") for path in done.changed}
        for step in done.steps:
            now |= dict(step.read)
        ours = self._names.ours if self._names else {}
        new = {path: digest for path, digest in now.items() if path not in ours}
        self.read = {**(self.read or {}), **new}
        self._changed = differences(self.read, self._now)

    def _look(self) -> None:
        assert self._names is not None
        self._expansion, self._now = self._seen(self._names)
        self._changed = differences(self.read or {}, self._now)

    def _seen(self, names: FileNames) -> tuple[Expansion, Contents]:
        found = names.on_disk()
        return found, self._digests.of(path for path in found if path not in names.ours)

    def _is_refused(self, path: Path) -> bool:
        return path in self._refused and self._refused[path][0] == self._now.get(path, "")

    def _judge(self, config: Path, changed: dict[Path, str]) -> None:
        """Have HAProxy say whether they are good, if it has not; what it refused now and then."""
        if not changed or changed == self._good:
            return
        new = {path: digest for path, digest in changed.items() if not self._is_refused(path)}
        if not new and time.monotonic() < self._judged + AGAIN:
            return
        self._judged = time.monotonic()
        try:
            self._check(config, config)
        except CheckError as error:
            text = f"{error}\n{error.said}"
            guilty = [p for p in changed if re.search(rf"(?<![\w.-]){re.escape(p.name)}", text)]
            self._refused |= {path: (changed[path], str(error)) for path in guilty or new}
        else:
            self._good = changed
            self._refused.clear()
