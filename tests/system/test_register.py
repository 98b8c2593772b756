"""`lbdisc register` as a whole: real processes around a real registry."""

import dataclasses
import inspect
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import structlog

from lbdisc.cli import main
from lbdisc.cli.register import register
from lbdisc.settings.tables import RegisterSettings
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually

ROOT = Path(__file__).parents[2]
LBDISC = Path(sys.executable).with_name("lbdisc")
LOOP = ": > {folder}/on; while :; do sleep 0.01; done"


class Node:
    """One `lbdisc register` with the folder registry, and what can be seen of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = folder / "nodes"
        self.registry.mkdir()
        self.file = self.registry / "web" / "one.json"
        self.environment: dict[str, str] = {}
        self.started: list[Process] = []

    def command(self, *arguments: str, ttl: float = 30.0) -> list[str | Path]:
        common = ["--set", f"file.dir={self.registry}", "--set", f"file.ttl={ttl}"]
        common += ["--set", f"state_dir={self.folder}", "--set", "log.format=json"]
        endpoint = ["--service", "web", "--name", "one", "--address", "127.0.0.1"]
        pace = ["--interval", "0.05", "--fall", "2"]
        return [LBDISC, "register", *common, *endpoint, *pace, *arguments]

    def start(self, *arguments: str, ttl: float = 30.0, under: tuple[str, ...] = ()) -> Process:
        """Start it; by the program ``under``, if there is one."""
        process = Process(
            [*under, *self.command(*arguments, ttl=ttl)],
            log=self.folder / f"log{len(self.started)}",
            environment=self.environment,
        )
        self.started.append(process)
        return process.start()

    def shell(self, script: str) -> list[str]:
        """A COMMAND that does ``script`` and then runs until it is told to stop."""
        return ["--", "sh", "-c", f"{script}; {LOOP.format(folder=self.folder)}"]

    def until_on(self) -> None:
        eventually((self.folder / "on").exists)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=50, check=False
        )

    @property
    def record(self) -> dict[str, Any]:
        found = json.loads(self.file.read_text())
        assert isinstance(found, dict)
        return found

    def until_ready(self) -> None:
        eventually(lambda: self.record["state"] == "ready")

    def until_gone(self) -> None:
        eventually(lambda: not self.file.exists())

    def events(self) -> list[str]:
        """What the last process logged, in order."""
        lines = self.started[-1].log.read_text().splitlines()
        return [json.loads(line)["event"] for line in lines if line.startswith("{")]


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    for process in node.started:
        process.stop()


@pytest.fixture
def in_process() -> Iterator[None]:
    """Leaves no logging behind that writes to the test's captured streams."""
    handlers = logging.getLogger().handlers[:]
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers


def ended(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def test_a_web_server_is_registered_while_it_serves(node: Node) -> None:
    port = free_port()
    server = [sys.executable, "-m", "http.server", str(port), "--directory", str(node.folder)]
    process = node.start("--check", "/", "--port", str(port), "--tag", "zone=a", "--", *server)
    node.until_ready()
    assert (node.record["address"], node.record["port"]) == ("127.0.0.1", port)
    assert node.record["tags"] == {"zone": "a"}
    assert process.stop() == 128 + signal.SIGTERM
    assert not node.file.exists()


def test_it_drains_and_leaves_before_command_is_told(node: Node) -> None:
    look = f"ls {node.file} > {node.folder}/seen 2>&1; exit 4"
    process = node.start("--check", "none", *node.shell(f"trap '{look}' TERM"))
    node.until_on()
    eventually(lambda: "registered" in node.events())
    assert process.stop() == 4
    assert "No such file" in (node.folder / "seen").read_text()
    assert node.events()[-4:] == ["draining", "left", "command ended", "stopped"]


def test_a_crashed_command_leaves_at_once_and_gives_its_exit_code(node: Node) -> None:
    process = node.start("--check", "none", *node.shell(f"echo $$ > {node.folder}/pid"))
    node.until_ready()
    os.kill(int((node.folder / "pid").read_text()), signal.SIGKILL)
    assert process.wait() == 128 + signal.SIGKILL
    assert not node.file.exists()


def test_leaves_while_the_check_fails_and_comes_back(node: Node) -> None:
    healthy = node.folder / "healthy"
    healthy.touch()
    node.start("--check", f"test -e {healthy}")
    eventually(lambda: "registered" in node.events())
    healthy.unlink()
    node.until_gone()
    healthy.touch()
    node.until_ready()
    eventually(lambda: node.events().count("registered") == 2)
    told = ["check failed", "check failed, leaving", "left", "check passed", "registered"]
    assert node.events()[-5:] == told


def test_a_tcp_check_follows_a_server_that_comes_and_goes(node: Node) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        node.start("--check", "tcp", "--port", str(port))
        node.until_ready()
    node.until_gone()
    with socket.create_server(("127.0.0.1", port)):
        node.until_ready()


def test_a_killed_registrar_takes_command_along_and_its_entry_expires(node: Node) -> None:
    script = f"echo $$ > {node.folder}/pid"
    process = node.start("--check", "none", *node.shell(script), ttl=1.0)
    node.until_ready()
    node.until_on()
    command = int((node.folder / "pid").read_text())
    process.send(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    eventually(lambda: ended(command))
    listed = [str(LBDISC), "nodes", "--json", "--set", f"file.dir={node.registry}"]
    listed += ["--set", f"state_dir={node.folder}", "--set", "services=web"]
    eventually(lambda: "127.0.0.1" not in subprocess.check_output(listed, text=True))


def test_its_successor_takes_the_name_over(node: Node) -> None:
    first = node.start("--check", "none", ttl=1.0)
    node.until_ready()
    owner = node.record["owner"]
    first.send(signal.SIGKILL)
    first.wait()
    node.start("--check", "none", "--set", f"state_dir={node.folder}/other", ttl=1.0)
    eventually(lambda: node.record["owner"] != owner)


def test_killed_and_started_again_it_waits_for_no_lease(node: Node) -> None:
    first = node.start("--check", "none", ttl=600.0)
    node.until_ready()
    first.send(signal.SIGKILL)
    first.wait()
    node.start("--check", "none", "--weight", "7", ttl=600.0)
    eventually(lambda: node.record["weight"] == 7)
    assert "another holds this name: waiting" not in node.events()


def test_a_registry_that_is_missing_does_not_stop_command(node: Node) -> None:
    node.registry.rmdir()
    process = node.start("--check", "none", *node.shell("trap 'exit 6' TERM"))
    node.until_on()
    eventually(lambda: "not registered, trying again" in node.events())
    node.registry.mkdir()
    node.until_ready()
    assert process.stop() == 6


def test_other_signals_reach_command_and_only_it(node: Node) -> None:
    process = node.start(
        "--check", "none", *node.shell(f"trap ': > {node.folder}/hup' HUP; trap 'exit 3' INT")
    )
    node.until_on()
    process.send(signal.SIGHUP)
    eventually((node.folder / "hup").exists)
    node.until_ready()
    assert process.stop(signal.SIGINT) == 3


def test_under_nohup_a_hangup_means_nothing(node: Node) -> None:
    seen = f"trap ': > {node.folder}/later' USR1; trap 'exit 3' TERM"
    process = node.start("--check", "none", *node.shell(seen), under=("nohup",))
    node.until_on()
    process.send(signal.SIGHUP)
    process.send(signal.SIGUSR1)
    eventually((node.folder / "later").exists)
    assert process.stop() == 3


def test_a_command_that_ignores_the_signal_is_killed_with_its_children(node: Node) -> None:
    script = f"trap '' TERM; sleep 300 & echo $! > {node.folder}/pid"
    process = node.start("--check", "none", "--stop-timeout", "0.1", *node.shell(script))
    node.until_on()
    assert process.stop() == 128 + signal.SIGKILL
    eventually(lambda: ended(int((node.folder / "pid").read_text())))


def test_standard_input_goes_to_command(node: Node) -> None:
    command = node.command("--check", "none", "--", "cat")
    done = subprocess.run(command, input="hello", capture_output=True, text=True, timeout=50)
    assert (done.stdout, done.returncode) == ("hello", 0)


def test_the_service_manager_hears_ready_and_stopping(node: Node) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(node.folder / "notify"))
        manager.settimeout(30)
        node.environment["NOTIFY_SOCKET"] = str(node.folder / "notify")
        process = node.start("--check", "none", "--port", "3001")
        assert manager.recv(4096) == b"READY=1\nSTATUS=registered as web/one@127.0.0.1:3001"
        assert process.stop() == 0
        heard = [manager.recv(4096) for _ in range(2)]
    assert b"STOPPING=1" in heard


def test_settings_come_from_file_and_environment_too(node: Node) -> None:
    (node.folder / "lbdisc.toml").write_text('[register]\nport = 3002\ntags = {zone = "b"}\n')
    node.environment["LBDISC_REGISTER_WEIGHT"] = "7"
    node.start("--check", "none", "-c", str(node.folder / "lbdisc.toml"))
    node.until_ready()
    assert [node.record[key] for key in ("port", "weight", "tags")] == [3002, 7, {"zone": "b"}]


def test_nothing_is_left_after_the_end(node: Node) -> None:
    process = node.start("--check", "none", *node.shell("sleep 300 & true"))
    node.until_ready()
    children = psutil.Process(process.pid).children(recursive=True)
    process.stop()
    assert children
    eventually(lambda: all(ended(child.pid) for child in children))
    assert list((node.registry / "web").iterdir()) == []


def test_a_running_check_does_not_outlive_it(node: Node) -> None:
    note = node.folder / "check"
    check = f"sh -c 'echo $$ > {note}.tmp; mv {note}.tmp {note}; sleep 300'"
    process = node.start("--timeout", "300", "--check", check)
    eventually(note.exists)
    assert process.stop() == 0
    eventually(lambda: ended(int(note.read_text())))


@pytest.mark.parametrize(
    ("name", "code"), [("no-such-program", 127), ("/no/such/program", 127), ("/", 126)]
)
def test_a_command_that_cannot_run_ends_it_as_in_a_shell(node: Node, name: str, code: int) -> None:
    done = node.run("--check", "none", "--", name)
    assert done.returncode == code
    assert done.stderr.startswith(f"lbdisc: cannot run COMMAND '{name}': ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--check", "ftp://host/"], "unknown check scheme 'ftp'"),
        (["--check", "no-such-program"], "no program 'no-such-program'"),
        (["--port", "99999"], "bad setting register.port"),
        (["--port", "http"], "bad setting register.port"),
        (["--name", "a b"], "bad name 'a b'"),
        (["--service", "-"], "bad name of a service '-'"),
        (["--address", "10.0.0"], "bad address '10.0.0'"),
        (["--weight", "257"], "bad setting register.weight"),
        (["--tag", "zone"], "NAME=TEXT is needed"),
        (["--tag", "zo ne=a"], "bad tag name 'zo ne'"),
        (["--interval", "0"], "bad setting register.interval"),
        (["--backend", "nix"], "no plugin offers the registrar 'nix' (known: "),
        (["--set", "register.prot=1"], "did you mean 'register.port'?"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    node: Node,
    in_process: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    command = [str(part) for part in node.command(*arguments, "--", "false")]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as caught:
        main()
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert words in said
    assert said.count("\n") == 1


def test_its_help_has_an_example() -> None:
    done = subprocess.run([LBDISC, "register", "--help"], capture_output=True, text=True)
    assert "Example: lbdisc register --service web" in done.stdout


def test_every_setting_has_a_flag_and_a_line_in_the_reference() -> None:
    reference = (ROOT / "docs" / "register.md").read_text()
    flags = inspect.signature(register).parameters
    for setting in dataclasses.fields(RegisterSettings):
        flag = {"tags": "tag"}.get(setting.name, setting.name)
        assert flag in flags
        assert f"| `--{flag.replace('_', '-')}" in reference
        assert f"| `{setting.name}` |" in reference
