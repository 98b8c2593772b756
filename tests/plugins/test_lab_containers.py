"""What is asked of the engine, and which losses count apart; no engine is needed for these."""

import time

import pytest

from lbdisc.errors import SettingsError
from lbdisc_lab.apart import Apart
from lbdisc_lab.containers.backends import backend
from lbdisc_lab.containers.container import Run, runs
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.traffic import Loss


def test_the_command_line_of_a_container() -> None:
    run = Run(
        image="lbdisc/ha:latest",
        name="ha",
        network="net",
        environment={"LBDISC_BACKEND": "etcd"},
        ports={80: 8080},
        volumes=("nodes:/nodes",),
        options=("--read-only",),
        command=("true",),
    )
    assert run.line() == (
        "docker run --detach --name ha --network net --env LBDISC_BACKEND=etcd"
        " --volume nodes:/nodes --publish 127.0.0.1:8080:80 --read-only lbdisc/ha:latest true"
    )


def test_what_a_run_makes_is_labelled_and_keeps_its_short_name_in_the_network() -> None:
    complete = Engine("test-1").complete(Run(image="i", name="ha", network="net"))
    assert (complete.name, complete.alias) == ("test-1-ha", "ha")
    assert complete.labels == ("lbdisc.test=test-1",)


@pytest.mark.parametrize("name", ["", "-a", "A", "a b", "a/b"])
def test_a_run_has_a_name_that_the_engine_takes(name: str) -> None:
    with pytest.raises(ValueError, match="bad name of a run"):
        Engine(name)


def test_an_unknown_backend_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'consul' \(known: file, serf, etcd, zookeeper\)"):
        backend("consul")


def test_the_default_backend_needs_no_variable() -> None:
    assert backend("file").environment == {}
    assert backend("serf").environment == {"LBDISC_BACKEND": "serf"}


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("python -m lbdisc_lab.webapp --port 3000", "lbdisc_lab.webapp"),
        ("/opt/bin/python /opt/bin/lbdisc register -- python -m a", "lbdisc register"),
        ("serf agent -config-file /run/serf.json", "serf agent"),
        ("/usr/sbin/rsyslogd -n", "rsyslogd"),
    ],
)
def test_a_program_is_known_by_its_start(command: str, program: str) -> None:
    assert runs(command, program)


@pytest.mark.parametrize(
    ("command", "program"),
    [
        ("/bin/python /bin/lbdisc register -- python -m lbdisc_lab.webapp", "lbdisc_lab.webapp"),
        ("s6-supervise serf agent", "serf agent"),
        ("lbdisc run", "lbdisc ru"),
        ("lbdisc", "lbdisc run"),
        ("python3", "python3"),
        ("", "lbdisc"),
    ],
)
def test_a_program_named_by_another_is_not_that_one(command: str, program: str) -> None:
    assert not runs(command, program)


def test_only_what_was_open_in_the_window_counts_apart() -> None:
    apart = Apart()
    before = Loss(at=time.time() - 5, reason="reset", after=0.1)
    started_before = Loss(at=time.time() - 5, reason="reset", after=6)
    with apart.because("a node is killed"):
        inside = Loss(at=time.time(), reason="reset", after=0.1)
    after = Loss(at=time.time() + 5, reason="reset", after=0.1)
    losses = [before, started_before, inside, after]
    assert apart.real(losses) == [before, after]
    assert apart.reasons(losses) == {"a node is killed": 2}
