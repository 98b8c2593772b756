"""The sample plugin lives outside the tree, is found by its entry point, and keeps the contract."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[1] / "sample_plugin"


@dataclass(frozen=True, slots=True)
class Installed:
    """The sample as an installer leaves it: a package, its metadata, and its tests beside it."""

    folder: Path

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def outcomes(self, *arguments: str) -> dict[str, str]:
        """Run the sample's contract tests; what became of each promise."""
        report = self.folder / "report.json"
        run = self.run("-m", "pytest", "-q", "tests", f"--lbdisc-report={report}", *arguments)
        assert run.returncode in (0, 1), run.stdout + run.stderr
        return {row["test"]: row["outcome"] for row in json.loads(report.read_text())}


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    folder = tmp_path / "elsewhere"
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns("conftest.py", "__pycache__"))
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = project["entry-points"]["lbdisc"].items()
    lines = ["[lbdisc]", *(f"{name} = {module}" for name, module in points)]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return Installed(folder)


def test_the_sample_is_found_through_its_entry_point(installed: Installed) -> None:
    run = installed.run(
        "-c",
        "from lbdisc.plugins import Plugins\n"
        "plugins = Plugins.load()\n"
        "for offer in plugins.offers:\n"
        "    if offer.provider.name == 'sqlite': print(offer.kind, offer.plugin)\n",
    )
    assert run.stdout.splitlines() == [
        "discovery sqlite (lbdisc-sqlite)",
        "registrar sqlite (lbdisc-sqlite)",
    ], run.stderr


@pytest.mark.timeout(240)  # the whole contract, with leases that have to run out
def test_the_sample_keeps_the_contract(installed: Installed) -> None:
    outcomes = installed.outcomes()
    assert {test for test, outcome in outcomes.items() if outcome == "fail"} == set()
    assert [*outcomes.values()].count("pass") > 35


DISCOVERY = "lbdisc_sqlite/discovery.py"
REGISTRAR = "lbdisc_sqlite/registrar.py"
DATABASE = "lbdisc_sqlite/database.py"
BROKEN = {
    "removed endpoints are not published as draining": (
        [
            (DISCOVERY, "if leaving:", "if None:"),
            (REGISTRAR, "self._keep(current.drain())", "pass"),
        ],
        {"test_clean_leave_is_draining_first"},
    ),
    "an unreachable registry is published as an empty one": (
        [
            (
                DISCOVERY,
                'raise DiscoveryError(f"sqlite.path: {self._settings.path}: {error}") from error',
                "return Snapshot(), set()",
            )
        ],
        {
            "test_lost_connection_never_publishes_fewer",
            "test_changes_during_a_cut_are_seen_after_it",
            "test_stall_is_noticed_and_outlived",
            "test_unreachable_at_start",
            "test_crash_during_a_cut",
            "test_stops_while_cut_off",
        },
    ),
    "a bad entry ends the watch, leases never end, and the second of a name overwrites": (
        [
            (DISCOVERY, "except EntryError as error", "except KeyError as error"),
            (DATABASE, "expires > ? FROM", "expires > 0 * ? FROM"),
            (DATABASE, "WHERE owner = :owner OR expires <= :now", ""),
            # Two that keep the same pace may hide each other for long.
            (REGISTRAR, "LOOK = 0.1", "LOOK = 0.1 + secrets.randbelow(99) / 999"),
        ],
        {
            "test_malformed_entries_are_skipped_and_reported",
            "test_malformed_entries_at_start_are_skipped",
            "test_hostile_names_are_skipped_and_reported",
            "test_mended_entry_is_published",
            "test_entry_that_turns_bad_harms_no_other",
            "test_crash_is_seen",
            "test_frozen_registrar_goes_and_returns",
            "test_crash_during_a_cut",
            "test_first_of_one_name_holds",
        },
    ),
}


@pytest.mark.timeout(240)  # every broken promise takes a deadline to tell
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_plugin_fails_exactly_what_it_breaks(installed: Installed, how: str) -> None:
    edits, promises = BROKEN[how]
    for file, old, new in edits:
        installed.edit(file, old, new)
    installed.edit("tests/test_sqlite_contract.py", "patience = 8.0", "patience = 3.0")
    outcomes = installed.outcomes("-k", "not memory and not many")
    assert {test for test, outcome in outcomes.items() if outcome == "fail"} == promises
