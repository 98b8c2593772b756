"""The pytest side of the contract kit: ``--lbdisc-report FILE``, a table of promise × plugin.

Loaded in every pytest run where lbdisc is installed: it imports nothing of lbdisc until the option
is used.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

for _module in (
    *("common", "state", "entries", "registrars", "puts", "names", "faults", "limits"),
    *("renderers", "reloaders"),
):
    pytest.register_assert_rewrite(f"lbdisc.testing.promises.{_module}")

PROPERTY = "lbdisc_promise"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("lbdisc").addoption(
        "--lbdisc-report",
        metavar="FILE",
        type=Path,
        help="write which plugin keeps which promise, as .md or .json",
    )


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--lbdisc-report")
    if path is None:
        return
    if path.suffix not in (".md", ".json"):
        raise pytest.UsageError(f"--lbdisc-report {path}: the name must end in .md or .json")
    config.pluginmanager.register(_Reporting(path, config), "lbdisc-reporting")


class _Reporting:
    """Marks the contract's tests where they run, and collects them where the results arrive.

    With xdist these are two processes; a report's ``user_properties`` travel between them.
    """

    def __init__(self, path: Path, config: pytest.Config) -> None:
        from lbdisc.testing.report import ContractReport

        self._path = path
        self._writes = not hasattr(config, "workerinput")
        self._report = ContractReport()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        promise = _promise_of(item)
        if promise is not None:
            report.user_properties.append((PROPERTY, promise))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        promise = dict(report.user_properties).get(PROPERTY)
        if isinstance(promise, dict):
            outcome, reason = _outcome_of(report)
            if outcome:
                self._report.add(**promise, outcome=outcome, reason=reason)

    def pytest_sessionfinish(self) -> None:
        if self._writes:
            self._report.write(self._path)


def _promise_of(item: pytest.Item) -> dict[str, Any] | None:
    """The promise a test of a ``Suite`` is about, and whose."""
    from lbdisc.testing.subject import Suite

    suite = getattr(item, "cls", None)
    if not (isinstance(suite, type) and issubclass(suite, Suite)):
        return None
    name = str(getattr(item, "originalname", item.name))
    # An override, such as an xfail, is still about the suite's own promise.
    promised = next(vars(kind)[name] for kind in reversed(suite.__mro__) if name in vars(kind))
    words = " ".join((promised.__doc__ or name).split("\n\n")[0].split())
    return {"plugin": suite.plugin, "test": name, "promise": words}


def _outcome_of(report: pytest.TestReport) -> tuple[str, str]:
    """pass, fail, skip or xfail, and why; empty for a phase that says nothing new."""
    if hasattr(report, "wasxfail"):
        return ("xfail" if report.skipped else "fail"), str(report.wasxfail)
    if report.failed:
        lines = report.longreprtext.strip().splitlines()
        return "fail", next((line[1:].strip() for line in lines if line[:1] == "E"), report.when)
    if report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        return "skip", reason.removeprefix("Skipped: ")
    return ("pass", "") if report.when == "call" else ("", "")
