"""The distribution holds all that the page is made of."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from lbdisc_web.app import STATIC


def test_a_wheel_has_every_file_of_the_page(tmp_path: Path) -> None:
    project = STATIC.parent.parent
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=project, capture_output=True, timeout=120, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = {Path(name).name for name in ZipFile(wheel).namelist() if "/static/" in name}
    assert packed == {path.name for path in STATIC.iterdir()}
