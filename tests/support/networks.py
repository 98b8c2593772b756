"""A scene on hosts with networks of their own, played in a process that begins in one."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lbdisc.testing.processes import Process, accepts
from lbdisc_compare.hosts.host import Host
from lbdisc_compare.hosts.namespaces import ROUTER, NamespaceHosts, isolated
from support import echoing

ECHO = Path(echoing.__file__)
TESTS = Path(__file__).parents[1]
HANGS = 90.0
PATIENCE = 1.0  # seconds for what may never come back
PLAYER = f"""import sys
sys.path.insert(0, {str(TESTS)!r})
from support.networks import play
play(*sys.argv[1:])
"""


def inside(scene: Callable[..., Any], folder: Path, *more: str) -> Any:
    """What ``scene``, a function of a module, returns for hosts and ``more``, through JSON."""
    said = folder / "said.json"
    words = [scene.__code__.co_filename, scene.__name__, str(folder), str(said), *more]
    done = subprocess.run(
        isolated([sys.executable, "-c", PLAYER, *words]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=HANGS,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
    return json.loads(said.read_text())


def play(file: str, name: str, folder: str, said: str, *more: str) -> None:
    """The other end of ``inside``."""
    spec = importlib.util.spec_from_file_location("scene", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = getattr(module, name)(NamespaceHosts(Path(folder)), *more)
    Path(said).write_text(json.dumps(result))


@contextmanager
def echoes(hosts: NamespaceHosts, *names: str) -> Iterator[list[Host]]:
    """Hosts that answer, and the measuring process beside them."""
    router = Host(name="router", address=ROUTER)
    found = [hosts.host(name) for name in names]
    with ExitStack() as stack:
        for host in (*found, router):
            stack.enter_context(_echo(host, hosts.folder))
        yield [*found, router]


def _echo(host: Host, folder: Path) -> Process:
    return host.process(
        sys.executable,
        ECHO,
        "answer",
        host.address,
        log=folder / f"{host.name}.log",
        ready=lambda: accepts(echoing.PORT, host.address),
    )


def trips(here: Host, there: Host, times: int = 5, patience: float = PATIENCE) -> list[float]:
    """Round-trip times of the datagrams that came back to ``here``, in seconds."""
    words = ["ask", there.address, str(times), str(patience)]
    command = here.command(sys.executable, ECHO, *words)
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=HANGS, check=True)
    found: list[float] = json.loads(done.stdout)
    return found


def heard(here: Host, there: Host, times: int = 5) -> int:
    """How many came back."""
    return len(trips(here, there, times))
