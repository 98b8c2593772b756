"""What tests share: a registry with its nodes for all tests of a class, and the failure matrix."""

import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

if TYPE_CHECKING:
    from support.worlds import World

pytest.register_assert_rewrite("support")


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """A command that a test calls in this process sets up the log: not for the tests after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="class")
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[World]":
    """The world of the class's `kind`."""
    kind: type[World] = request.cls.kind
    folder = tmp_path_factory.mktemp(kind.name)
    with kind(folder) as world:
        yield world
    shutil.rmtree(folder, ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lbdisc")
    group.addoption(
        "--failure-matrix",
        metavar="FILE",
        type=Path,
        help="write what each fault costs on each registry, as Markdown",
    )
    group.addoption(
        "--shapes",
        metavar="FILE",
        type=Path,
        help="run all shapes of configurations, and write what became of them, as Markdown",
    )
    group.addoption(
        "--pictures",
        metavar="FOLDER",
        type=Path,
        help="keep the pictures that are taken of pages, as docs/metrics has them",
    )
    group.addoption(
        "--minutes",
        type=float,
        default=0.0,
        help="look for what breaks the readers for so long, instead of at a few examples each",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A report that cannot be sent would end the whole run: xdist sends UTF-8 alone."""
    from support.machine_room import without_room

    report = yield
    report.sections = [(name, _sendable(text)) for name, text in report.sections]
    if report.longrepr is not None and _sendable(found := str(report.longrepr)) != found:
        report.longrepr = _sendable(found)
    if report.failed and (short := without_room()):
        report.sections.append(("the machine's room", short))
    return report


def _sendable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    from support.haproxies import report
    from support.machine_room import without_room

    terminalreporter.write_line(f"tested on {report()}")
    if short := without_room():
        terminalreporter.write_line(f"little room for tests: {short}", red=True)


LOOPBACK = "0.0.0.0/0,::/0,127.0.0.0/8,::1/128"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        # Sockets lie in the tests' folders, and a socket's path has 97 bytes in HAProxy's
        # configuration: pytest's own folder has the user's name in it, and may leave too few.
        config.option.basetemp = tempfile.mkdtemp(prefix="lb")
        config.pluginmanager.register(_Folder(Path(config.option.basetemp)), "folder")
    os.environ.setdefault("LBDISC_ENDPOINTS_ALLOW", LOOPBACK)  # where the tests' nodes are
    _hear_what_is_ignored()
    config.addinivalue_line("markers", "fault(name): a fault that a kind of registry may not have")
    path = config.getoption("--failure-matrix")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Writing(path), "failure-matrix")
    path = config.getoption("--shapes")
    if path is not None and not hasattr(config, "workerinput"):
        from support.shapes_report import Writing

        config.pluginmanager.register(Writing(path), "shapes")


def _hear_what_is_ignored() -> None:
    """Take signals that nohup, or a shell's `&`, has made us ignore, and do nothing about them.

    What a test starts would inherit ignoring them; a handler is not inherited.
    """
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


class _Folder:
    """Where the tests' folders are: it goes with a run in which nothing failed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus != pytest.ExitCode.TESTS_FAILED:
            shutil.rmtree(self._path, ignore_errors=True)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int
    ) -> None:
        if exitstatus == pytest.ExitCode.TESTS_FAILED:
            terminalreporter.write_line(f"what the tests that failed left is in {self._path}")


class _Writing:
    """Collects the cells where the results arrive: with xdist, not where the tests run."""

    def __init__(self, path: Path) -> None:
        from support.failure_report import Matrix

        self._path = path
        self._matrix = Matrix()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        from support.failure_report import PROPERTY

        measured = dict(report.user_properties).get(PROPERTY)
        if not isinstance(measured, dict) or (report.passed and report.when != "teardown"):
            return
        reason = ""
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2].removeprefix("Skipped: ")
        elif report.failed:
            lines = report.longreprtext.strip().splitlines()
            reason = next((line[1:].strip() for line in lines if line[:1] == "E"), "see the log")
        outcome = {"passed": "pass", "skipped": "skip", "failed": "fail"}[report.outcome]
        self._matrix.add(measured, outcome=outcome, reason=reason)

    def pytest_sessionfinish(self) -> None:
        from support.cell import RATE

        self._matrix.write(self._path, rate=RATE)
