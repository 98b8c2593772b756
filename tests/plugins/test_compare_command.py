"""``lbdisc compare`` as a user starts it: to its end, interrupted, killed, gone on with."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from lbdisc.testing.waiting import eventually
from lbdisc_compare.running.ledger import Ledger

LBDISC = str(Path(sys.executable).parent / "lbdisc")
ONE = ("--quick", "--nodes", "2", "--ways", "file", "--only", "start")
TWO = ("--quick", "--nodes", "2", "--ways", "file", "--only", "start,join")


def started(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [LBDISC, "compare", "--out", str(folder), *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
    )


def ended(folder: Path, *words: str) -> tuple[int, str, str]:
    process = started(folder, *words)
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def cells(process: "subprocess.Popen[str]") -> Sequence[psutil.Process]:
    """What the comparison has started so far."""
    return psutil.Process(process.pid).children(recursive=True)


def agents(process: "subprocess.Popen[str]") -> Sequence[psutil.Process]:
    """Balancers that a cell has started."""
    return [one for one in cells(process) if "haproxy" in one.name()]


def test_a_run_leaves_samples_and_a_report(tmp_path: Path) -> None:
    code, out, err = ended(tmp_path / "out", *ONE)
    assert code == 0, err
    assert "start" in out
    assert "1/1  start of file, round 1" in err
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"report.html", "summary.md", "samples.ndjson"} <= names
    assert Ledger(tmp_path / "out" / "samples.ndjson").ended() == {("file", "start", 0)}


def test_a_run_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    samples = tmp_path / "out" / "samples.ndjson"
    samples.write_text("mine")
    code, _, err = ended(tmp_path / "out", *ONE)
    assert code == 2
    assert "is there already: --resume goes on with it" in err
    assert samples.read_text() == "mine"


def test_a_file_that_is_no_comparison_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    samples = tmp_path / "out" / "samples.ndjson"
    samples.write_text("mine\n")
    code, _, err = ended(tmp_path / "out", *ONE, "--resume")
    assert (code, len(err.splitlines())) == (2, 1)
    assert samples.read_text() == "mine\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_run_however_it_ends(tmp_path: Path, number: int) -> None:
    process = started(tmp_path / "out", *ONE)
    eventually(lambda: agents(process), what="a balancer")
    running = cells(process)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (130 if number != signal.SIGKILL else -number)
    _, alive = psutil.wait_procs(running, timeout=30)
    assert alive == []


@pytest.mark.seldom
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    process = started(tmp_path / "out", *TWO)
    ledger = Ledger(tmp_path / "out" / "samples.ndjson")
    eventually(lambda: ledger.path.exists() and ledger.ended(), what="the first cell")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "--resume --out" in err
    before = ledger.path.read_bytes()
    code, _, err = ended(tmp_path / "out", *TWO, "--resume")
    assert code == 0, err
    assert "1/1  " in err
    assert ledger.path.read_bytes().startswith(before)
    assert ledger.ended() == {("file", "start", 0), ("file", "join", 0)}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--nodes", "100000"), "this machine takes up to"),
        (("--ways", "ectd"), "did you mean 'etcd'?"),
        (("--only", "joins"), "did you mean 'join'?"),
        (("--resume",), "there is no"),
        (("--against", "gone.ndjson"), "there is no gone.ndjson"),
    ],
)
def test_wrong_options_are_told_in_one_line(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    code, _, err = ended(tmp_path / "out", *words)
    assert (code, len(err.splitlines())) == (2, 1)
    assert told in err
