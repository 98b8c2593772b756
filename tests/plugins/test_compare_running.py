"""The order of a comparison, its file of samples, and what it says of wrong options."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc_compare.choosing import check_nodes, chosen_ways
from lbdisc_compare.contenders.catalogue import all_contenders
from lbdisc_compare.measures.catalogue import all_measures
from lbdisc_compare.measures.measure import Scale
from lbdisc_compare.records import Absence, CellEnd, Noted, RunHeader, Sample, line, noted
from lbdisc_compare.running.busyness import Processors
from lbdisc_compare.running.ledger import Ledger
from lbdisc_compare.running.schedule import schedule

QUICK = Scale(quick=True)
FULL = Scale()


def header() -> RunHeader:
    return RunHeader(
        at=1.0, seed=1, scale="quick", nodes=10, machine={}, versions={}, ways=("file",)
    )


def sample(value: float) -> Sample:
    return Sample(way="file", measure="join", figure="join_served", value=value, unit="ms")


def end(number: int = 0) -> CellEnd:
    return CellEnd(
        way="file", measure="join", round=number, at=2.0, took=1.0, load_before=0, load_during=0
    )


def started(path: Path, *lines: Noted) -> Ledger:
    ledger = Ledger(path)
    ledger.claim()
    ledger.begin(header())
    ledger.add(lines)
    return ledger


def keys(scale: Scale, seed: int) -> Sequence[tuple[str, str, int]]:
    return [cell.key for cell in schedule(all_contenders(), all_measures(), scale, seed)]


def test_every_way_meets_every_measure_as_often() -> None:
    cells = keys(FULL, 1)
    for measure in all_measures():
        for way in all_contenders():
            rounds = [number for w, m, number in cells if (w, m) == (way.name, measure.name)]
            assert rounds == list(range(measure.rounds(FULL)))


def test_the_order_changes_from_round_to_round_and_is_the_seeds() -> None:
    cells = keys(FULL, 1)
    orders = {
        number: [way for way, measure, n in cells if n == number and measure == "join"]
        for number in range(3)
    }
    assert len({tuple(order) for order in orders.values()}) == 3
    assert keys(FULL, 1) == cells != keys(FULL, 2)


def test_quick_has_fewer_cells() -> None:
    assert 0 < len(keys(QUICK, 1)) < len(keys(FULL, 1))


@pytest.mark.parametrize("one", [header(), sample(1.5), end(), Absence(way="dns", why='no "knot"')])
def test_a_line_is_read_as_it_was_written(one: Noted) -> None:
    again = noted(line(one))
    assert line(again) == line(one)
    assert type(again) is type(one)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "other"}', '{"kind": "sample"}', "null"])
def test_another_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        noted(text)


def test_what_a_crash_left_of_a_cell_is_dropped(tmp_path: Path) -> None:
    ledger = started(tmp_path / "s.ndjson", sample(1.0), end(0))
    whole = ledger.path.read_bytes()
    half = f"{line(sample(2.0))}\n{line(sample(3.0))}"[:-9]
    ledger.path.write_bytes(whole + half.encode())
    ledger.mend()
    assert ledger.path.read_bytes() == whole
    assert ledger.ended() == {("file", "join", 0)}


def test_a_full_disk_leaves_whole_cells(tmp_path: Path) -> None:
    ledger = started(tmp_path / "s.ndjson", sample(1.0), end(0))
    whole = ledger.path.read_bytes()
    with pytest.raises(OSError, match="too large"):
        _with_little_room(ledger, len(whole) + 100)
    assert ledger.path.read_bytes() == whole


def _with_little_room(ledger: Ledger, size: int) -> None:
    """Files of this process cannot grow beyond ``size``: a disk that is full at once."""
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        ledger.add([sample(2.0), end(1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, heard)


def test_two_runs_do_not_write_to_one_file(tmp_path: Path) -> None:
    ledger = started(tmp_path / "s.ndjson", sample(1.0), end(0))
    with pytest.raises(LbdiscError, match="another lbdisc compare writes to"):
        Ledger(ledger.path).claim()


def test_an_unknown_way_is_told_with_the_nearest() -> None:
    with pytest.raises(SettingsError, match=r"no 'ectd'; did you mean 'etcd'\? known: .*zookeeper"):
        chosen_ways("file,ectd")


def test_serf_stands_for_the_profile_that_a_user_begins_with() -> None:
    assert [way.name for way in chosen_ways("serf")] == ["serf-lan"]


def test_more_nodes_than_possible_are_refused_with_what_is() -> None:
    with pytest.raises(
        SettingsError, match=r"100000: this machine takes up to 80 for real \(20 MB"
    ):
        check_nodes(100_000, 80, "20 MB each")


def test_one_node_is_too_few() -> None:
    with pytest.raises(SettingsError, match="at least 2"):
        check_nodes(1, 80, "")


def test_what_others_do_is_told_from_what_we_do() -> None:
    before = Processors(all=100, busy=40, ours=10)
    assert Processors(all=110, busy=46, ours=13).others_since(before) == pytest.approx(0.3)
    assert Processors(all=100, busy=40, ours=10).others_since(before) == 0
