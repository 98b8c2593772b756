"""The sample plugin outside the tree, where it can be broken."""

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
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new))

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder), **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def outcomes(self, *arguments: str) -> dict[str, str]:
        """Run the sample's contract tests; what became of each promise."""
        report = self.folder / "report.json"
        words = ["-m", "pytest", "-q", "tests", "-p", "lbdisc.testing.pytest_plugin"]
        run = self.run(  # without the plugins that it does not need, which take a second to load
            *words, f"--lbdisc-report={report}", *arguments, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"
        )
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
