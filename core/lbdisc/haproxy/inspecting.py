"""What `lbdisc doctor` asks of HAProxy: its program, its files, its sockets and who is there."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from lbdisc.environment import for_child
from lbdisc.errors import CheckError, LbdiscError, SettingsError, shown
from lbdisc.examining import Diagnosis, Examination, fail, ok, warn
from lbdisc.haproxy.binds import unix_path
from lbdisc.haproxy.errors import Forbidden, HaproxyError
from lbdisc.haproxy.expiring import expiring
from lbdisc.haproxy.faults import end_of_life, known_faults
from lbdisc.haproxy.language.lines import StatsSocket
from lbdisc.haproxy.parts import Parts
from lbdisc.haproxy.process.program import find
from lbdisc.haproxy.reaching import RIGHT, why_none
from lbdisc.haproxy.remembered import WorkerNote
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.sockets.closed import is_there
from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.sockets.whose import listener, open_to_all
from lbdisc.haproxy.versions import Version, read_version

PATIENCE = 2.0  # seconds for one answer of a socket
STARTING = 5.0  # seconds for a program to say its version
_VERSION = re.compile(r"^HAProxy version (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HaproxyInspection:
    """Of the HAProxy of ``parts`` that reads ``config``."""

    parts: Parts
    config: Path

    @property
    def all(self) -> tuple[Examination, ...]:
        """The looks, each of which may go on while another hangs."""
        return (
            Examination("program", self._program),
            Examination("master socket", self._master),
            Examination("files", self._files),
            Examination("certificates", self._certificates),
            Examination("stats sockets", self._sockets),
        )

    @property
    def _settings(self) -> HaproxySettings:
        return self.parts.settings

    def _program(self) -> Iterator[Diagnosis]:
        path = find(self._settings.binary)
        try:
            said = _version_of(path)
        except subprocess.TimeoutExpired:
            yield fail(f"{path} -v gave no answer in {STARTING:g} s", "see haproxy.binary")
            return
        found = _VERSION.search(said)
        if found is None:
            first = said.strip().partition("\n")[0]
            yield fail(f"{path} -v says {shown(first)}, no version", "see haproxy.binary")
            return
        yield ok(f"{path} is HAProxy {found[1]}")
        yield from of_version(read_version(found[1]))

    def _master(self) -> Iterator[Diagnosis]:
        where = self._settings.master_socket
        attached = self._settings.mode == "attached"
        path = unix_path(where)
        if path and not attached and not is_there(path):
            yield self._none_at(path)
            return
        try:
            processes = Master(where, timeout=PATIENCE).processes()
        except Forbidden as error:
            yield fail(str(error), f"start HAProxy with -S {where},mode,660,group,GROUP")
            return
        except HaproxyError as error:
            remedy = f"start HAProxy as `haproxy -W -S {where} -f {self.config}`"
            yield fail(str(error), remedy if attached else "see `lbdisc status`; restart lbdisc")
            return
        yield ok(f"{where}: {listener(where, PATIENCE) or f'process {processes.master}'}")
        yield from _rights(path)
        if processes.failed:
            yield warn(
                f"its last {processes.failed} reloads failed; it serves what it had read before",
                "see its log, and `lbdisc config check`",
            )
        worker = processes.current
        if worker is None:
            yield fail("the master has no worker: nobody serves", "see HAProxy's log")
            return
        old = f", {len(processes.old)} old ones finish what they have" if processes.old else ""
        yield ok(f"worker {worker.pid} serves since {worker.uptime} s{old}")
        yield from self._runs(worker.version)

    def _none_at(self, path: str) -> Diagnosis:
        """Of a managed HAProxy whose master has no socket."""
        if pid := WorkerNote(Path(self._settings.worker_file)).master():
            return warn(
                f"the socket {path} is gone, and HAProxy runs (process {pid}): servers still"
                " change, reloads go by signal",
                "restart HAProxy at a quiet hour (`lbdisc stop`, then start it), and keep what"
                f" cleans up off {Path(path).parent}",
            )
        text = f"there is no socket {path}: no managed HAProxy runs"
        return warn(text, "start it with `lbdisc run`")

    def _runs(self, version: Version) -> Iterator[Diagnosis]:
        """Whether it runs our file, and the program that is installed."""
        with suppress(LbdiscError, OSError, subprocess.TimeoutExpired):
            installed = _installed(self._settings.binary)
            if installed is not None and installed != version:
                there, here = (".".join(map(str, each)) for each in (version, installed))
                yield warn(
                    f"the worker is of HAProxy {there}, and {here} is installed",
                    "restart HAProxy at a quiet hour",
                )
        try:
            remark = self.parts.workers.remark(self.config, self._settings.files)
        except SettingsError as error:
            text, _, remedy = str(error).rpartition("; ")
            yield fail(text or str(error), remedy)
            return
        if remark:
            text, _, remedy = remark.rpartition(": ")
            yield warn(text or remark, remedy)
        else:
            yield ok(f"it runs {self.config}")

    def _files(self) -> Iterator[Diagnosis]:
        if not self.config.exists():
            yield warn(f"there is no {self.config} yet", "write it with `lbdisc run`")
            return
        try:
            self.parts.around.learn()
            around = self.parts.around.of(self.config)
            warnings = self.parts.look(self.config, around=around)
        except CheckError as error:
            yield fail(str(error), f"see `{self._settings.binary} -c -f {self.config}`")
            return
        beside = len(around.before) + len(around.after)
        with_them = f", with {beside} files beside it" if beside else ""
        yield ok(f"HAProxy accepts {self.config}{with_them}")
        for text in warnings:
            yield warn(f"HAProxy warns: {text}", "change the template or the file it names")

    def _certificates(self) -> Iterator[Diagnosis]:
        if self.config.exists():
            yield from expiring(self.parts, self.config)

    def _sockets(self) -> Iterator[Diagnosis]:
        if not self.config.exists():
            return
        self.parts.around.learn()
        model = self.parts.around.of(self.config).parse(self.config.read_text(errors="replace"))
        if not model.stats_sockets:
            yield warn(
                "global has no 'stats socket': every change costs a reload, and nothing is known"
                " of servers",
                f"write '{RIGHT}'",
            )
            return
        if why := why_none(model):
            yield warn(f"{why}: every change costs a reload", f"write '{RIGHT}'")
        for its in model.stats_sockets:
            yield from self._socket(its)
        if not any("$" in s.level or s.level == "admin" for s in model.stats_sockets):
            yield warn(
                "no 'stats socket' is of level admin: every change costs a reload",
                f"write '{RIGHT}'",
            )

    def _socket(self, its: StatsSocket) -> Iterator[Diagnosis]:
        if its.closed:
            yield ok(f"{its.address} (level {its.level}) is not asked: {its.closed}")
            return
        try:
            with Runtime(its.address, timeout=PATIENCE) as runtime:
                info = runtime.info()
        except Forbidden as error:
            yield fail(str(error), f"write '{RIGHT}', or let this user's group in")
            return
        except HaproxyError as error:
            if self._settings.mode == "managed" and not is_there(self._settings.master_socket):
                yield warn(str(error), "start it with `lbdisc run`")
            else:
                yield fail(str(error), "reload HAProxy, and see its log")
            return
        yield ok(
            f"{its.address} (level {its.level}): worker {info.pid} of HAProxy {info.release}"
            f" answers, {info.connections} connections"
        )
        yield from _rights(unix_path(its.address) if its.level == "admin" else "")
        if info.stopping:
            yield warn(
                f"the worker at {its.address} is one that a reload has replaced",
                "reload once more; see `show proc` at the master socket",
            )


def of_version(version: Version) -> Iterator[Diagnosis]:
    """All that is known of it today."""
    yield from known_faults(version)
    yield from end_of_life(version, date.today())


def _version_of(program: str) -> str:
    """What it says of its version. Raises ``OSError``, ``subprocess.TimeoutExpired``."""
    return subprocess.run(
        [program, "-v"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=STARTING,
        check=False,
        stdin=subprocess.DEVNULL,
        env=for_child(),
    ).stdout


def _installed(binary: str) -> Version | None:
    found = _VERSION.search(_version_of(find(binary)))
    return read_version(found[1]) if found else None


def _rights(path: str) -> Iterator[Diagnosis]:
    """Whether anybody may give orders there."""
    if mode := open_to_all(path):
        yield warn(
            f"every user of this machine may give orders at {path} (mode {mode})",
            "set mode 600, or 660 and a group",
        )
