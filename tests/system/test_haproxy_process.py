"""A managed HAProxy: started, adopted, reloaded and stopped; its words in every failure."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from lbdisc.errors import ApplyError, CheckError, SettingsError
from lbdisc.haproxy.errors import ReloadFailed, Unreachable
from lbdisc.haproxy.process.managed import Managed
from lbdisc.haproxy.process.program import check_config
from lbdisc.haproxy.sockets.master import Master, Processes
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.haproxy.versions import LOADS_AFTER_FORK, MAX_UNIX_PATH
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, Running, place
from support.scripts import script

BODY = "backend b\n  server a 127.0.0.1:9\n"
WRONG = f"{BODY}  brand-new 1\n"


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@pytest.fixture
def running(here: Place) -> Iterator[Running]:
    with here.running(here.text(BODY)) as found:
        yield found


def managed(here: Place, text: str, **other: object) -> Managed:
    config = here.write(text)
    settings = {"binary": here.binary, "config": config, "master": here.folder / "m.sock", **other}
    return Managed(**settings)  # type: ignore[arg-type]  # tests give each its own type


def gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def test_it_serves_when_start_returns(running: Running) -> None:
    assert running.managed.alive()
    assert running.managed.pid == running.managed.master.processes().master
    assert running.runtime.info().uptime < 60


def test_a_reload_brings_a_new_worker_and_no_text_is_needed(here: Place, running: Running) -> None:
    before = running.managed.master.processes()
    processes, log = running.managed.reload()
    assert processes.reloads == before.reloads + 1
    assert processes.current != before.current
    assert bool(log) == (here.numbers >= (2, 7))
    assert running.managed.alive()


def test_a_failed_reload_tells_the_cause_and_the_old_worker_goes_on(
    here: Place, running: Running
) -> None:
    worker = running.runtime.info().pid
    running.config.write_text(here.text(WRONG))
    with pytest.raises(ReloadFailed, match="unknown keyword 'brand-new'"):
        running.managed.reload()
    assert running.runtime.observe()[0].pid == worker
    running.config.write_text(here.text(BODY))
    assert running.managed.reload()[0].failed == 0


def test_a_reload_that_cannot_bind_fails_and_says_so(here: Place, running: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"frontend f\n  bind 127.0.0.1:{taken.getsockname()[1]}\n"
        running.config.write_text(here.text(BODY + bind))
        with pytest.raises(ReloadFailed, match="cannot bind socket"):
            running.managed.reload()


def test_after_failed_reloads_the_worker_from_before_is_the_current_one(
    here: Place, running: Running
) -> None:
    before = running.managed.master.processes().current
    assert before is not None
    running.config.write_text(here.text(WRONG))
    for _ in range(2):
        with pytest.raises(ReloadFailed):
            running.managed.reload()
        now = running.managed.master.processes()
        assert now.current is not None
        assert (now.current.pid, now.old, now.failed > 0) == (before.pid, (), True)
    running.config.write_text(here.text(BODY))
    assert running.managed.reload()[0].failed == 0


def test_a_worker_that_still_loads_is_not_the_current_one(here: Place, running: Running) -> None:
    if here.numbers < LOADS_AFTER_FORK:
        return  # none is listed
    before = running.managed.master.processes().current
    assert before is not None
    with socket.create_server(("127.0.0.1", 0)) as taken:  # HAProxy tries for two seconds
        bind = f"frontend f\n  bind 127.0.0.1:{taken.getsockname()[1]}\n"
        running.config.write_text(here.text(BODY + bind))
        with ThreadPoolExecutor() as pool:
            reload = pool.submit(running.managed.master.reload)
            found = eventually(lambda: _loading(running), what="a worker that loads")
            assert found is not None
            assert (found.current and found.current.pid, found.old) == (before.pid, ())
            assert isinstance(reload.exception(), ReloadFailed)
    now = running.managed.master.processes()
    assert (now.loading, now.current and now.current.pid) == (None, before.pid)


def _loading(running: Running) -> Processes | None:
    with suppress(Unreachable):
        found = running.managed.master.processes()
        return found if found.loading else None
    return None


def test_a_stop_ends_master_and_workers(here: Place, running: Running) -> None:
    processes = running.managed.master.processes()
    assert processes.current is not None
    running.managed.stop(soft=1, limit=2)
    assert not running.managed.alive()
    assert running.managed.pid == 0
    assert gone(processes.master)
    eventually(lambda: gone(processes.current.pid))  # type: ignore[union-attr]  # seen above
    running.managed.stop(soft=1, limit=2)  # once more does nothing


def test_a_stop_does_not_wait_for_sessions_that_go_on(here: Place) -> None:
    port = free_port()
    text = here.text(
        f"listen l\n  mode tcp\n  bind 127.0.0.1:{port}\n  server a 127.0.0.1:{port}\n"
    )
    with here.running(text) as running, socket.create_connection(("127.0.0.1", port)) as client:
        eventually(lambda: running.runtime.stats("l")[0].sessions)
        running.runtime.close()
        running.managed.stop(soft=0.1, limit=1)
        client.settimeout(10)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
        assert not running.managed.alive()


def test_the_next_agent_takes_over_what_an_agent_left(here: Place, running: Running) -> None:
    heir = Managed(
        binary=here.binary, config=running.config, master=here.folder / "run-master.sock"
    )
    pid = running.managed.pid
    running.managed.release()
    assert not running.managed.alive()
    found = heir.adopt()
    assert found is not None
    assert (found.master, heir.pid) == (pid, pid)
    assert heir.reload()[0].current is not None
    heir.stop(soft=0, limit=2)
    assert gone(pid)


AGENT = """
import sys
from pathlib import Path
from lbdisc.haproxy.process.managed import Managed
binary, config, master, runtime = sys.argv[1:]
Managed(binary=binary, config=Path(config), master=Path(master)).start(runtime=runtime)
print("started", file=sys.stderr, flush=True)
sys.stdin.read()
"""


def test_haproxy_serves_on_when_the_agent_is_killed(here: Place) -> None:
    heir = managed(here, here.text(BODY))
    runtime = here.folder / "run.sock"
    words = [here.binary, str(heir.config), str(here.folder / "m.sock"), str(runtime)]
    with subprocess.Popen(
        [sys.executable, "-c", AGENT, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as agent:
        assert agent.stderr is not None
        assert b"started" in agent.stderr.readline()
        os.kill(agent.pid, signal.SIGKILL)
    found = heir.adopt()
    assert found is not None
    try:
        assert heir.reload()[0].failed == 0
        with Runtime(runtime) as client:
            assert client.info().name == "HAProxy"
    finally:
        heir.stop(soft=0, limit=2)
    assert gone(found.master)


def test_there_is_nothing_to_adopt_where_nobody_answers(here: Place) -> None:
    fresh = managed(here, here.text(BODY))
    assert fresh.adopt() is None
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(here.folder / "m.sock"))
    assert fresh.adopt() is None


def test_a_haproxy_with_another_file_is_not_adopted(here: Place, running: Running) -> None:
    other = Managed(
        binary=here.binary,
        config=here.write("", "other.cfg"),
        master=here.folder / "run-master.sock",
    )
    with pytest.raises(SettingsError, match=r"does not run .*other\.cfg.* haproxy\.master_socket"):
        other.adopt()
    assert running.managed.alive()


def test_a_crash_is_seen_and_its_words_are_kept(running: Running) -> None:
    worker = running.managed.master.processes().current
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    eventually(lambda: not running.managed.alive(), what="the master ends with its worker")
    eventually(lambda: f"({worker.pid}) exited with code 137" in running.managed.last_words)


def test_a_crashed_one_is_started_again_over_its_stale_sockets(here: Place) -> None:
    fresh = managed(here, here.text(BODY))
    runtime = str(here.folder / "run.sock")
    first = fresh.start(runtime=runtime)
    os.kill(first.master, signal.SIGKILL)
    eventually(lambda: not fresh.alive())
    assert first.current is not None
    eventually(lambda: gone(first.current.pid))  # type: ignore[union-attr]  # seen above
    assert (here.folder / "m.sock").is_socket()
    second = fresh.start(runtime=runtime)
    fresh.stop(soft=0, limit=2)
    assert second.master != first.master


def test_a_start_that_fails_gives_haproxys_words_on_one_line(here: Place) -> None:
    wrong = managed(here, here.text(WRONG))
    with pytest.raises(ApplyError, match=r"did not start: .*unknown keyword 'brand-new'") as failed:
        wrong.start(runtime=str(here.folder / "run.sock"))
    assert "\n" not in str(failed.value)
    assert not wrong.alive()


def test_a_start_without_its_port_says_which(here: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = here.text(f"{BODY}frontend f\n  bind 127.0.0.1:{port}\n")
        with pytest.raises(ApplyError, match=f"cannot bind socket .*127.0.0.1:{port}"):
            managed(here, text).start()


def test_a_socket_that_somebody_serves_is_left_alone(here: Place, running: Running) -> None:
    second = managed(here, here.text(BODY))
    with pytest.raises(ApplyError, match=r"run\.sock': another process serves there"):
        second.start(runtime=str(here.folder / "run.sock"))
    assert running.runtime.observe()[0].name == "HAProxy"


def test_a_socket_of_somebody_who_does_not_accept_is_left_alone(here: Place) -> None:
    path = here.folder / "m.sock"
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as waiting:
        busy.bind(str(path))
        busy.listen(0)
        waiting.connect(str(path))  # its queue is full now
        with pytest.raises(ApplyError, match="another process serves there"):
            managed(here, here.text(BODY)).start()
    assert path.is_socket()


def test_a_file_in_the_place_of_a_socket_is_left_alone(here: Place) -> None:
    path = here.write("precious", "m.sock")
    with pytest.raises(SettingsError, match="is there, and no socket"):
        managed(here, here.text(BODY)).start()
    assert path.read_text() == "precious"


def test_the_longest_path_works_and_a_longer_one_is_told(here: Place) -> None:
    longest = here.folder / ("x" * (MAX_UNIX_PATH - len(f"{here.folder}/")))
    fits = managed(here, here.text(BODY), master=longest)
    assert fits.start().current is not None
    fits.stop(soft=0, limit=2)
    too_long = managed(here, here.text(BODY), master=Path(f"{longest}x"))
    with pytest.raises(SettingsError, match=f"too long: at most {MAX_UNIX_PATH} bytes"):
        too_long.start()


def test_a_missing_folder_or_program_is_a_wrong_setting(here: Place) -> None:
    with pytest.raises(SettingsError, match="no folder"):
        managed(here, here.text(BODY), master=here.folder / "none" / "m.sock").start()
    with pytest.raises(SettingsError, match=r"no program 'no-haproxy'.*haproxy\.binary"):
        managed(here, here.text(BODY), binary="no-haproxy").start()
    with pytest.raises(SettingsError, match=r"haproxy\.binary"):
        check_config("no-haproxy", here.folder / "haproxy.cfg")


def test_a_program_that_ends_at_once_is_told(here: Place) -> None:
    with pytest.raises(ApplyError, match=r"did not start|ended at once"):
        managed(here, here.text(BODY), binary="true").start()


def test_a_frozen_haproxy_is_stopped_too(here: Place, running: Running) -> None:
    processes = running.managed.master.processes()
    assert processes.current is not None
    worker = processes.current.pid
    os.kill(processes.master, signal.SIGSTOP)
    os.kill(worker, signal.SIGSTOP)
    running.managed.stop(soft=0.1, limit=0.3)
    assert gone(processes.master)
    eventually(lambda: gone(worker))


def test_a_haproxy_that_stays_silent_is_stopped_again(here: Place) -> None:
    silent = script(here.folder / "silent", "#!/bin/sh\necho 'thinking'\nexec sleep 60\n")
    stuck = managed(here, here.text(BODY), binary=silent)
    with pytest.raises(ApplyError, match="does not serve: thinking"):
        stuck.start(limit=0.5)
    assert not stuck.alive()


def test_a_master_that_is_gone_is_unreachable(here: Place) -> None:
    with pytest.raises(Unreachable, match="nothing answers"):
        Master(here.folder / "m.sock").reload()


def test_a_good_file_passes_with_its_warnings(here: Place) -> None:
    assert check_config(here.binary, here.write(here.text(BODY))) == ()
    text = f"{here.global_lines()}listen l\n  mode http\n  bind 127.0.0.1:{free_port()}\n"
    [warning] = check_config(here.binary, here.write(text))
    assert "missing timeouts for proxy 'l'" in warning


def test_a_refusal_names_the_target_with_the_line_and_not_the_staged_file(here: Place) -> None:
    staged, target = here.write(here.text(WRONG + "  more\n"), ".staged.tmp"), Path("/etc/h.cfg")
    with pytest.raises(CheckError) as refused:
        check_config(here.binary, staged, target=target)
    assert "[/etc/h.cfg:10] : unknown keyword 'brand-new'" in str(refused.value)
    assert str(refused.value).endswith("(and 1 more)")
    assert "staged" not in str(refused.value)
