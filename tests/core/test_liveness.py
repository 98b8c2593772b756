"""Which sign of life is believed: every one here is a lie, or comes from elsewhere."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc.errors import LbdiscError
from lbdisc.state import heartbeat, process
from lbdisc.state.heartbeat import Heartbeat, Unwritten
from lbdisc.state.judging import CHECKS, DEFAULT, judge
from lbdisc.state.liveness import STALE, STUCK, Liveness, liveness
from lbdisc.state.store import Store
from lbdisc.times import ago


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def beat(**parts: object) -> Heartbeat:
    """One of this process, now, but for ``parts``."""
    found = Heartbeat.now(turned_s=time.monotonic(), unwritten=None)
    return replace(found, **parts)  # type: ignore[arg-type]


def seen(store: Store, found: Heartbeat, status: dict[str, object] | None = None) -> Liveness:
    found.write(store.heartbeat_file)
    return liveness(store, status or {})


def test_a_fresh_heartbeat_of_a_process_that_lives_is_believed(store: Store) -> None:
    assert seen(store, beat()) == Liveness("running")


def test_a_heartbeat_is_read_as_it_was_written_over_a_longer_one(tmp_path: Path) -> None:
    file = tmp_path / "heartbeat"
    long = Unwritten(file="/x" * 40, error="e" * 1000, since=1.0)
    beat(unwritten=long).write(file)
    size = file.stat().st_size
    beat().write(file)
    assert file.stat().st_size == size == heartbeat.SIZE
    assert heartbeat.read(file) == beat(
        **{n: getattr(heartbeat.read(file), n) for n in ("unix_s", "monotonic_s", "turned_s")}
    )


def test_an_old_one_says_in_what_state_its_process_is(store: Store) -> None:
    found = seen(store, beat(monotonic_s=time.monotonic() - STALE - 25))
    assert found.word == "stuck"
    assert f"no heartbeat for 40 s: process {os.getpid()} is in state" in found.trouble


def test_a_loop_that_does_not_turn_is_stuck_though_the_heart_beats(store: Store) -> None:
    found = seen(store, beat(turned_s=time.monotonic() - STUCK - 1))
    assert (found.word, "has not turned for 31 s" in found.trouble) == ("stuck", True)


def test_what_cannot_be_written_is_told_with_its_time(store: Store) -> None:
    lost = Unwritten(file="/x/status.json", error="No space left on device", since=0.0)
    told = "cannot write its state since 1970-01-01T00:00:00Z: status.json: No space left on device"
    assert seen(store, beat(unwritten=lost)) == Liveness("running", told)


def test_another_process_with_the_same_number_is_no_agent(store: Store) -> None:
    found = seen(store, beat(started=1))
    assert (found.word, "killed or crashed" in found.trouble) == ("not running", True)


def test_a_process_that_said_why_it_ends_is_quoted(store: Store) -> None:
    stopped: dict[str, object] = {"stopped": {"at": "noon", "why": "SIGTERM", "error": ""}}
    assert seen(store, beat(started=1), stopped).trouble == "it has ended at noon: SIGTERM"


def test_a_zombie_has_ended(store: Store) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    state = process.state_of(child.pid)
    assert state is not None
    assert seen(store, beat(pid=child.pid, started=state.started)).word == "not running"
    child.wait()


def test_a_state_of_another_boot_or_machine_is_not_believed(store: Store) -> None:
    found = seen(store, beat(boot="another"))
    assert (found.word, "another machine" in found.trouble) == ("not running", True)


@pytest.fixture
def held(store: Store) -> Iterator[Store]:
    with store.locked():
        yield store


def test_an_agent_in_another_container_is_believed_by_heartbeat_and_lock(held: Store) -> None:
    elsewhere = beat(namespace=1, pid=1, started=1)
    assert seen(held, elsewhere) == Liveness("running")
    old = replace(elsewhere, monotonic_s=time.monotonic() - STALE - 1)
    assert seen(held, old).word == "stuck"


def test_an_agent_in_another_container_that_has_let_go_does_not_run(store: Store) -> None:
    assert seen(store, beat(namespace=1)).word == "not running"


def test_a_folder_that_is_held_without_a_heartbeat_is_of_one_that_starts(held: Store) -> None:
    assert liveness(held, {}).word == "starting"
    assert seen(held, beat(boot="another")).word == "starting"
    assert seen(held, beat(pid=1, started=1)).word == "starting"


def test_what_is_no_heartbeat_is_said(store: Store) -> None:
    store.heartbeat_file.write_text("[1, 2")
    with pytest.raises(LbdiscError, match="no heartbeat of an agent"):
        liveness(store, {})


def test_who_may_not_read_is_told_so(store: Store) -> None:
    beat().write(store.heartbeat_file)
    store.heartbeat_file.chmod(0o600)
    store.folder.chmod(0o755)
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    target = store.folder / "beat"
    store.heartbeat_file.rename(target)
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        try:
            heartbeat.read(target)
        except LbdiscError as error:
            os._exit(7 if "Permission denied" in str(error) or "read" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


STATUS = {
    "in_step": True,
    "registry": "ok",
    "backend": "etcd",
    "generation": {"number": 7, "monotonic_s": 0.0},
    "written": {"number": 7},
    "servers": {},
    "in_step_since": {"at": "noon", "monotonic_s": 10.0},
    "registry_since": {"at": "noon", "monotonic_s": 10.0},
}
WRONG: dict[str, dict[str, object]] = {
    "agent": {},
    "step": {"in_step": False, "failure": {"kind": "CheckError", "error": "x", "times": 2}},
    "servers": {
        "servers": {
            "web": {"servers": 2, "up": 0, "unchecked": 0, "unknown": 0, "why": "x", "not_up": []}
        }
    },
    "registry": {"registry": "lost", "registry_error": "x"},
    "guard": {"held": [{"service": "web", "name": "s1", "since": "noon", "why": "x"}]},
    "steered": {"paused": {"by": "ana (1000)", "why": "deploy", "since": "noon", "until": None}},
    "overruled": {
        "overruled": [
            {"service": "web", "name": "s1", "how": "drain", "weight": None, "by": "ana (1000)"}
        ]
    },
    "skipped": {"problems": [{"where": "s1", "what": "x"}]},
    "flapping": {"flapping": [{"service": "web", "name": "s1", "since": "noon"}]},
    "empty": {},
    "settings": {"settings_refused": {"error": "x", "at": "noon"}},
    "files": {"refused": [{"file": "/site.pem", "error": "x", "at": "noon"}]},
    "plugins": {"broken": [{"plugin": "p", "error": "x"}]},
    "announced": {"announce_error": "x"},
    "workers": {"old_workers": 3},
}


@pytest.mark.parametrize("check", CHECKS)
def test_each_check_finds_its_own_and_counts_if_chosen(check: str) -> None:
    live = Liveness("stuck", "x") if check == "agent" else Liveness("running")
    services = ["api"] if check == "empty" else []
    found = judge({**STATUS, **WRONG[check]}, live, services=services, now=50.0, checks=[check])
    assert [reason.check for reason in found.counted] == [check]
    assert found.exit_code == (1 if check in ("agent", "step") else 4)
    usual = judge({**STATUS, **WRONG[check]}, live, services=services, now=50.0)
    assert bool(usual.counted) == (check in DEFAULT)


def test_a_file_that_stays_behind_is_not_in_step() -> None:
    behind = {**STATUS, "written": {"number": 6}}
    found = judge(behind, Liveness("running"), services=(), now=50.0)
    assert found.summary == "failed: the file is behind for 50 s: generation 7 runs, the file has 6"
    assert judge(behind, Liveness("running"), services=(), now=5.0).exit_code == 0


def test_a_paused_agent_is_degraded_and_says_what_waits() -> None:
    waits = {"count": 2, "changes": ["+web/s4", "-web/s1"], "how": "reload", "why": "a new line"}
    paused = {"by": "ana (1000)", "why": "deploy", "since": "noon", "until": "one", "waits": waits}
    status = {**STATUS, "in_step": False, "paused": paused}
    found = judge(status, Liveness("running"), services=(), now=50.0)
    assert found.summary == (
        "degraded: paused by ana (1000) since noon until one: deploy; 2 changes wait: +web/s4"
        " -web/s1; would need a reload: a new line"
    )


def test_the_worst_is_first_and_times_are_told() -> None:
    status = {**STATUS, **WRONG["registry"], **WRONG["step"]}
    found = judge(status, Liveness("running"), services=(), now=50.0)
    assert found.summary == (
        "failed: not in step for 40 s (since noon): CheckError: x (2 times); and 1 more"
    )


def test_while_a_start_is_not_over_that_is_all() -> None:
    status = {**STATUS, "in_step": False, "generation": None, "registry": "waiting"}
    found = judge(status, Liveness("running"), services=(), now=50.0)
    assert found.summary == "failed: starting for 40 s (since noon), waits for the registry"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (40, "40 s"), (119, "119 s"), (180, "3 min"), (7300, "2 h"), (200000, "2 d")],
)
def test_times_are_no_more_precise_than_needed(seconds: float, text: str) -> None:
    assert ago(seconds) == text
