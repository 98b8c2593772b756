"""The trial at the head of the README is what it says: pasted into a shell, it is served."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lbdisc.testing.processes import free_port
from support.scene import LBDISC

README = Path(__file__).parents[2] / "README.md"


def trial() -> str:
    """Its lines, at ports that are free; lbdisc is installed here already."""
    text = README.read_text().partition("<!-- example trial -->\n```sh\n")[2].partition("```")[0]
    front, app, stats = free_port(), free_port(), free_port()
    text = text.replace("pip install .\n", "").replace("8080", f"{front}").replace("3001", f"{app}")
    return text.replace("\"}'", f'", "stats_bind": "127.0.0.1:{stats}"}}\'')


@pytest.mark.timeout(120)
def test_the_trial_serves_and_ends(tmp_path: Path) -> None:
    path = f"{Path(LBDISC).parent}:{os.environ['PATH']}"
    with TemporaryDirectory(prefix="lbr-") as short:  # as mktemp has it: sockets need short paths
        done = subprocess.run(
            ["bash", "-m", "-c", trial()],
            env={**os.environ, "PATH": path, "TMPDIR": short},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert "Directory listing" in done.stdout, done.stderr
    assert "good: in step, " in done.stdout
    assert done.returncode == 0
