"""What grown files have in `global` about processes: managed HAProxys start and reload with it."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from lbdisc.errors import CheckError
from lbdisc.haproxy.process.program import check_config
from lbdisc.haproxy.process.workers import Workers
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.haproxy.sockets.socket import answers
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, free_port, place

AS_ROOT = ("chroot", "user")  # only root may


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


@pytest.mark.parametrize(
    "lines",
    [
        "daemon",
        "master-worker",
        "master-worker no-exit-on-failure",
        "daemon\n  master-worker\n  pidfile {folder}/pid",
        "quiet\n  stats timeout 1s\n  mworker-max-reloads 1",
        "user nobody\n  group nogroup",
        "chroot {folder}/jail\n  uid 65534\n  gid 65534",
        "daemon\n  maxconn 2000\n  nbthread 2\n  pidfile {folder}/pid\n  chroot {folder}/jail\n"
        "  user nobody\n  group nogroup\n  stats timeout 30s\n  tune.ssl.default-dh-param 2048",
    ],
    ids=lambda lines: " ".join(lines.split()[::2]),
)
def test_it_starts_reloads_and_stops(here: Place, lines: str) -> None:
    if os.geteuid() and any(word in lines for word in AS_ROOT):
        pytest.skip("only root may change who it is")
    (here.folder / "jail").mkdir()
    bind = f"frontend f\n  bind 127.0.0.1:{free_port()}\n"
    added = lines.format(folder=here.folder)
    text = here.text(bind).replace("global\n", f"global\n  {added}\n", 1)
    with here.running(text) as running:
        child = running.managed.pid
        running.reload(text.replace("connect 1s", "connect 2s"))
        assert running.managed.master.processes().master == running.managed.pid == child
        assert running.runtime.info().name == "HAProxy"
    assert running.managed.pid == 0


def test_an_attached_one_may_be_in_the_background(here: Place) -> None:
    config = here.write(here.text("").replace("global\n", "global\n  daemon\n", 1))
    socket, runtime = f"{here.folder}/master.sock", f"{here.folder}/run.sock"
    settings = HaproxySettings(mode="attached", master_socket=socket)
    command = [here.binary, "-W", "-S", f"{socket},mode,600", "-f", str(config)]
    subprocess.run(command, check=True, timeout=30, capture_output=True)
    workers = Workers(socket)
    eventually(lambda: workers.alive(settings, config, runtime))
    master = workers.master()
    try:
        before = workers.current(runtime)
        assert workers.reload(runtime, limit=30) not in (0, before)
        assert workers.master() == master
    finally:
        os.kill(master, signal.SIGTERM)
    eventually(lambda: not answers(socket))


def test_a_quiet_one_is_refused_with_its_words(here: Place) -> None:
    text = here.text("").replace("global\n", "global\n  quiet\n  brand-new\n", 1)
    with pytest.raises(CheckError, match="unknown keyword 'brand-new'"):
        check_config(here.binary, here.write(text))
