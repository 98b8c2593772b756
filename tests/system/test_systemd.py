"""The units in contrib/systemd, as systemd itself reads them."""

import re
import subprocess
from pathlib import Path

import pytest

from support.scene import LBDISC

UNITS = sorted((Path(__file__).parents[2] / "contrib" / "systemd").glob("*.service"))


def test_there_is_a_unit_for_each_way_to_run() -> None:
    assert {unit.stem for unit in UNITS} == {"lbdisc", "lbdisc-attached", "lbdisc-register"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/usr/local/bin/lbdisc", LBDISC))
    assert LBDISC in copy.read_text()
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_only_lbdisc_is_signalled_at_first(unit: Path) -> None:
    found = re.findall(r"^KillMode=(.*)$", unit.read_text(), re.M)
    assert found == ["process" if unit.stem == "lbdisc" else "mixed"]
