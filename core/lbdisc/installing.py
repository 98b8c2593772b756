"""All files of a configuration are checked together, installed as one, and brought back as one.

Which files beside the main one are lbdisc's is kept in a manifest there, hidden by a dot. While a
configuration is on trial, the manifest also holds the one before, so that a crash is healed.
"""

import json
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from lbdisc import atomic
from lbdisc.errors import ApplyError, CheckError
from lbdisc.mirror import as_installed, mirror
from lbdisc.own_files import make_folder
from lbdisc.rendered import Rendered, parents

log = structlog.get_logger("lbdisc.files")
NEW = 0o640  # a configuration may hold keys and passwords; one that is there keeps its mode
# What lbdisc and its load balancer keep in a state folder, where the main file may be, too.
TAKEN = {
    *("agent.lock", "snapshot.jsonl", "status.json", "pace.json"),
    *("haproxy.sock", "haproxy.state", "master.sock", "worker.json", "worker.files.json"),
    *("failed.json", "names.state", "cookie_key.secret"),
    *("operator.json", "pinned.json", "control.sock"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """``files`` and ``folders`` that lbdisc made, relative to the main file's folder.

    ``undo`` is what the files of a configuration on trial held before, ``None`` for one that was
    not there; the main file goes by its name.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    undo: dict[str, str | None] | None = None

    @classmethod
    def read(cls, config: Path) -> Self:
        """That of ``config``; an empty one where there is none. Raises ``ApplyError``."""
        path = _manifest(config)
        try:
            text = atomic.held(path)
            found = {} if text is None else json.loads(text)
            undo = found.get("undo")
            return cls(
                files=tuple(map(str, found.get("files", ()))),
                folders=tuple(map(str, found.get("folders", ()))),
                undo=None if undo is None else dict(undo),
            )
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ApplyError(
                f"cannot read {path}, which says what files are lbdisc's: {error}"
            ) from error

    def write(self, config: Path) -> None:
        """Raises ``OSError``. Only the owner may read: it may hold all texts."""
        atomic.write(_manifest(config), json.dumps(asdict(self), indent=1) + "\n", mode=0o600)


def _manifest(config: Path) -> Path:
    return config.with_name(f".{config.name}.files")


def held(config: Path) -> Rendered | None:
    """What lbdisc's files hold, ``None`` without a main one. Raises ``OSError``, ``ApplyError``."""
    main = atomic.held(config)
    if main is None:
        return None
    found = {name: _text(config.parent / name) for name in Manifest.read(config).files}
    return Rendered(main, tuple((name, text) for name, text in found.items() if text is not None))


def is_written(config: Path, rendered: Rendered) -> bool:
    """Whether lbdisc's files hold ``rendered``, as far as they can be read."""
    with suppress(OSError, ApplyError):
        return held(config) == rendered
    return False


def heal(config: Path) -> None:
    """Bring back the last good files after a crash while others were on trial; for its one writer.

    A manifest that is damaged says nothing that holds: it is set aside. Raises ``ApplyError``.
    """
    try:
        manifest = Manifest.read(config)
    except ApplyError as error:
        if isinstance(error.__cause__, OSError):
            raise
        _set_aside(config, error)
        return
    if manifest.undo is not None:
        log.warning("stopped while new files were on trial: the ones before are back")
        _bring_back(config, manifest)


def _set_aside(config: Path, why: ApplyError) -> None:
    path = _manifest(config)
    aside = path.with_name(f"{path.name}.damaged")
    try:
        path.replace(aside)
    except OSError as error:
        raise ApplyError(f"{why}; it cannot be set aside: {error.strerror}") from error
    log.warning(
        "the list of further files is damaged and set aside: those that are there count as not "
        "lbdisc's, remove them",
        error=str(why),
        aside=str(aside),
    )


def _bring_back(config: Path, manifest: Manifest) -> None:
    undo = manifest.undo or {}
    try:
        for name, text in undo.items():
            path = config.parent / name
            if text is None:
                path.unlink(missing_ok=True)
            elif _text(path) != text:
                make_folder(path.parent, 0o755)
                atomic.write(path, text, new=NEW)
        gone = {name for name, text in undo.items() if text is None}
        _settle(config, Manifest(files=manifest.files, folders=manifest.folders), gone)
    except OSError as error:
        what = error.strerror or error
        raise ApplyError(f"cannot bring back {error.filename or config}: {what}") from error


def _settle(config: Path, manifest: Manifest, gone: set[str]) -> None:
    """``manifest`` without the files in ``gone``, and without the folders that they leave empty."""
    left = tuple(name for name in manifest.files if name not in gone)
    used = {folder for name in left for folder in parents(name)}
    for folder in sorted(set(manifest.folders) - used, reverse=True):
        with suppress(OSError):  # not empty: somebody else's files are in it
            (config.parent / folder).rmdir()
    kept = tuple(folder for folder in manifest.folders if folder in used)
    if left or kept:
        Manifest(files=left, folders=kept).write(config)
    else:
        _manifest(config).unlink(missing_ok=True)


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None


class Installation:
    """``rendered`` on its way to ``config`` and the files beside it; a context.

    ``check`` it, ``install``, bring it to life, ``keep``. What was installed and not kept is undone
    at the end. ``candidate`` is the main file to check, beside it are the others; ``before`` is
    what the files held, ``check_ms`` how long the check took, in milliseconds. Raises
    ``ApplyError`` where a file cannot be written, or is there and is not lbdisc's.
    """

    def __init__(self, config: Path, rendered: Rendered) -> None:
        self.config = config
        self.rendered = rendered
        self.before: Rendered | None = None
        self.candidate = config
        self.check_ms: float | None = None
        self._staged: dict[str, Path] = {}  # to be renamed; the main file comes last
        self._vanished: frozenset[str] = frozenset()
        self._manifest = Manifest()
        self._stack = ExitStack()
        self._on_trial = self._on_record = False

    def __enter__(self) -> Self:
        with self._stack:
            try:
                self._stage()
            except OSError as error:
                what = error.strerror or error
                raise ApplyError(f"cannot write {self.config}: {what}") from error
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._stack:
            self.restore()

    def _stage(self) -> None:
        config, rendered = self.config, self.rendered
        make_folder(config.parent, 0o755)
        self._manifest = Manifest.read(config)
        self._refuse_others()
        self.before = held(config)
        known = dict(self.before.files) if self.before else {}
        self._vanished = frozenset(self._manifest.files) - rendered.names
        changed = {name: text for name, text in rendered.files if known.get(name) != text}
        main = atomic.stage(config, rendered.text, new=NEW)
        self._stack.callback(atomic.discard, main)
        self.candidate = main
        if changed or self._vanished:
            folder = atomic.stage_folder(config)
            self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
            for name, text in changed.items():
                target = config.parent / name
                self._staged[name] = atomic.stage(target, text, folder=folder, new=NEW)
            self.candidate = mirror(folder / "all", config, rendered, gone=self._vanished)
        self._staged[config.name] = main

    def _refuse_others(self) -> None:
        for name in sorted(self.rendered.names):
            path = self.config.parent / name
            if name in TAKEN or name.split("/")[0] == self.config.name:
                raise ApplyError(f"{path} is lbdisc's own: give the file {name} another name")
            if name not in self._manifest.files and (path.exists() or path.is_symlink()):
                raise ApplyError(
                    f"{path} is there and was not written by lbdisc: move it away, or give the "
                    f"file {name} another name"
                )

    def check(self, check: Callable[[Path], None]) -> None:
        """Have ``candidate`` checked; a refusal speaks of the files as they will be called."""
        began = time.monotonic()
        try:
            check(self.candidate)
        except CheckError as error:
            texts = (
                as_installed(text, self.candidate, self.config) for text in (str(error), error.said)
            )
            raise CheckError(next(texts), said=next(texts), passing=error.passing) from error
        self.check_ms = (time.monotonic() - began) * 1000

    def install(self) -> None:
        """All files are those of ``rendered``, on trial until ``keep``. Raises ``ApplyError``."""
        self._on_trial = True
        path = self.config
        try:
            if len(self._staged) > 1 or self._vanished:
                self._record().write(self.config)
                self._on_record = True
            for name, staged in self._staged.items():
                path = self.config.parent / name
                make_folder(path.parent, 0o755)
                atomic.install(staged, path)
            for name in self._vanished:
                (self.config.parent / name).unlink(missing_ok=True)
        except OSError as error:
            raise ApplyError(f"cannot write {path}: {error.strerror or error}") from error

    def _record(self) -> Manifest:
        """What will be lbdisc's, and what there was before."""
        made = {folder for name in self.rendered.names for folder in parents(name)}
        made = {folder for folder in made if not (self.config.parent / folder).exists()}
        return Manifest(
            files=tuple(sorted({*self._manifest.files, *self.rendered.names})),
            folders=tuple(sorted({*self._manifest.folders, *made})),
            undo=self._undo(),
        )

    def _undo(self) -> dict[str, str | None]:
        known = dict(self.before.files) if self.before else {}
        touched = {*self._staged, *self._vanished} - {self.config.name}
        main = self.before.text if self.before else None
        return {**{name: known.get(name) for name in sorted(touched)}, self.config.name: main}

    def keep(self) -> None:
        """The files are good: there is no way back."""
        self._on_trial = False
        if not self._on_record:
            return
        try:
            _settle(self.config, Manifest.read(self.config), set(self._vanished))
        except (OSError, ApplyError) as error:  # the next start brings the same files once more
            log.error("cannot note which files are lbdisc's", error=str(error))

    def restore(self) -> None:
        """Undo what was installed and not kept, if anything was. Raises ``ApplyError``."""
        if self._on_trial:
            self._on_trial = False
            manifest = Manifest.read(self.config)
            undo = self._undo()
            _bring_back(
                self.config,
                Manifest(files=manifest.files, folders=manifest.folders, undo=undo),
            )
