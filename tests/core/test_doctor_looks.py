"""Looks of `lbdisc doctor`: bounded in time, named, and true of folders and versions."""

import os
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from lbdisc.doctor.agent import REMEDIES
from lbdisc.doctor.bounded import Look, examined
from lbdisc.doctor.folders import output_folder, state_folder
from lbdisc.doctor.instance import instance, lease
from lbdisc.doctor.registered import registered
from lbdisc.errors import DiscoveryError, SettingsError
from lbdisc.examining import Diagnosis, Examination, ok
from lbdisc.haproxy.faults import end_of_life, known_faults
from lbdisc.installing import Manifest
from lbdisc.settings.tables import CoreSettings, RegisterSettings
from lbdisc.state.judging import CHECKS
from lbdisc.values import Endpoint, Problem, Snapshot


def look(what: Iterator[Diagnosis]) -> list[tuple[str, str, str]]:
    """Word, text and remedy of all that is found, as `examined` has it."""
    seen = examined([Look("x", Examination("it", lambda: what), "do that")], limit=5)
    return [(s.finding.word, s.finding.text, s.finding.remedy) for s in seen]


def test_a_look_that_hangs_is_named_and_the_others_go_on() -> None:
    never = threading.Event()

    def hangs() -> Iterator[Diagnosis]:
        yield ok("begun")
        never.wait()

    looks = [
        Look("slow", Examination("a", hangs), "wake it"),
        Look("quick", Examination("b", lambda: [ok("done")]), ""),
    ]
    seen = [(s.check, s.finding.word, s.finding.text) for s in examined(looks, limit=0.2)]
    never.set()
    assert seen == [
        ("slow", "ok", "begun"),
        ("slow", "fail", "no answer within 0.2 s: it hangs"),
        ("quick", "ok", "done"),
    ]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (DiscoveryError("away"), "away"),
        (SettingsError("bad"), "bad"),
        (SystemExit(3), "this look itself failed: SystemExit: 3"),
    ],
)
def test_what_a_look_raises_is_a_finding(error: BaseException, text: str) -> None:
    def raises() -> Iterator[Diagnosis]:
        raise error
        yield

    assert [(word, said) for word, said, _ in look(raises())] == [("fail", text)]


def test_an_old_haproxy_has_known_faults_and_a_new_one_has_none() -> None:
    old = [finding.text for finding in known_faults((2, 6, 12))]
    assert any("'del server' can crash" in text for text in old)
    assert any("reuse no connections" in text for text in old)
    assert any("kept connection" in text for text in old)
    assert not [*known_faults((3, 0, 11))]
    assert "tested on 2.6 to 3.4" in next(iter(known_faults((2, 4, 0)))).text


def test_an_end_of_life_is_told_from_its_day_on() -> None:
    assert not [*end_of_life((3, 1, 5), date(2026, 3, 31))]
    [found] = end_of_life((3, 1, 5), date(2026, 4, 1))
    assert (found.word, "3.1 gets no fixes since 2026-04-01" in found.text) == ("warn", True)
    assert not [*end_of_life((9, 9, 0), date(2040, 1, 1))]


def test_every_check_of_the_status_has_a_remedy() -> None:
    assert REMEDIES.keys() == CHECKS.keys()


def test_a_state_folder_that_others_may_write_fails_with_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    folder.chmod(0o777)
    [first, *_] = look(state_folder(CoreSettings(state_dir=folder)))
    assert (first[0], f"chmod go-w {folder}" in first[2]) == ("fail", True)


def test_files_on_trial_that_nobody_tends_are_named(tmp_path: Path) -> None:
    core = CoreSettings(state_dir=tmp_path, output=tmp_path / "haproxy.cfg")
    Manifest(files=(), undo={"haproxy.cfg": "global\n"}).write(core.output)
    assert [text for word, text, _ in look(output_folder(core)) if word == "warn"] == [
        f"files of {core.output} are on trial since an agent was killed"
    ]
    assert Manifest.read(core.output).undo is not None  # only looked at


def test_services_and_skipped_entries_are_told_with_the_near_name() -> None:
    core = CoreSettings(services=("webb", "db"))
    web = Endpoint(service="web", name="a", address="10.0.0.1", port=80)
    db = Endpoint(service="db", name="b", address="10.0.0.2", port=80)
    snapshot = Snapshot.of([web, db], problems=[Problem("db/c", "no port")])
    found = look(registered(core, lambda: snapshot))
    assert ("ok", "service db: 1 endpoints", "") in found
    assert ("warn", 'set services = ["web"]') in [(word, remedy) for word, _, remedy in found]
    assert any(text == "skipped: db/c: no port" for _, text, _ in found)


def test_the_check_of_a_registration_is_made_and_a_command_only_looked_for(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    command = RegisterSettings(name="n", address="127.0.0.1", check=f"touch {ran}")
    assert look(instance(command))[0][0] == "ok"
    assert not ran.exists()
    [(word, text, _)] = look(instance(RegisterSettings(name="n", check="no-such-program x")))
    assert (word, "no-such-program" in text) == ("fail", True)
    [(word, text, _)] = look(instance(RegisterSettings(name="n", address="127.0.0.1", port=1)))
    assert (word, "127.0.0.1:1" in text) == ("warn", True)


@pytest.mark.parametrize(
    ("seconds", "word"), [(None, "ok"), (10.0, "ok"), (2.0, "warn"), (600.0, "warn"), (4.0, "warn")]
)
def test_a_lease_is_judged_against_the_times_of_the_check(seconds: float | None, word: str) -> None:
    assert [found[0] for found in look(lease(seconds, RegisterSettings(name="n")))] == [word]


def test_a_folder_that_is_not_ours_to_write_is_a_warning(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o555)
    assert look(state_folder(CoreSettings(state_dir=tmp_path)))[0][0] == "warn"
