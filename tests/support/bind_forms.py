"""Forms of what HAProxy listens on, each tried by HAProxy itself and by our probe.

Run as a program in a network of its own (``unshare -n``), in an empty folder, with HAProxy's path:
prints as JSON what both say of each form. 10.9.9.1 is this machine's, as is the interface ``dum0``.
Taken by others are TCP 127.0.0.1:7001, *:7002, [::1]:7003, UDP 127.0.0.1:7004, the abstract socket
``taken`` and ``taken.sock``.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from lbdisc.errors import ApplyError
from lbdisc.haproxy.binding.binder import Binder
from lbdisc.haproxy.binding.probing import try_new
from lbdisc.haproxy.language.text import parse
from lbdisc.testing.waiting import eventually

TAKEN, UDP = ("127.0.0.1:7001", "127.0.0.1:7004")
BINDS = (  # what stands behind `bind`
    *("127.0.0.1:8000", TAKEN, "*:8000", ":8000", ":7001", "*:7002", ":7002", "10.9.9.1:7001"),
    *("10.9.9.1:7002", "10.9.9.9:8000", "ipv4@127.0.0.1:8000", f"ipv4@{TAKEN}", "ipv4@:7001"),
    *("::1:8000", "::1:7003", "[::1]:8000", "[::1]:7003", "ipv6@::1:7003", "ipv6@:7003"),
    *("ipv6@*:8000", ":::8000", ":::7002", ":::7002 v6only", ":::7002 v4v6", ":::7001 v4v6"),
    *(":::7001 v6only", "[::]:7003 v6only", "::ffff:127.0.0.1:7001", "tcp@127.0.0.1:8000"),
    *(f"tcp@{TAKEN}", f"tcp4@{TAKEN}", "tcp6@::1:7003", "tcp6@::1:8000", f"stream+ipv4@{TAKEN}"),
    *("127.0.0.1:8000-8002", "127.0.0.1:6999-7001", "127.0.0.1:8000,127.0.0.1:8001"),
    *(f"127.0.0.1:8000,{TAKEN}", "/{run}/x.sock", "unix@{run}/x.sock", "uxst@{run}/x.sock"),
    *("{run}/none/x.sock", "{run}/taken.sock", "{run}/folder", "abns@free", "abns@taken"),
    *(f"127.0.0.1:8000,{'{run}'}/x.sock", "localhost:8000", "localhost:7001"),
    *("10.9.9.9:8000 transparent", "10.9.9.1:7002 transparent", "*:8000 interface dum0"),
    *("*:8000 interface none0", "10.9.9.1:8000 interface lo", "*:7002 interface dum0"),
    *('"$HERE:8000"', '"${HERE}:7001"', '"${NONE-127.0.0.1}:7001"', '"${NONE-127.0.0.1}:8000"'),
    *('"${BOTH}"', "'${HERE}:8000'", f"{TAKEN} backlog 10 name x", "127.0.0.1:8000 tfo"),
)
BODIES = {  # whole sections
    "peer here": "peers p\n  peer lb1 127.0.0.1:8000\n  peer lb2 127.0.0.1:7001\n",
    "peer taken": f"peers p\n  peer lb1 {TAKEN}\n  peer lb2 127.0.0.1:8000\n",
    "peer elsewhere": "peers p\n  peer lb1 10.9.9.9:8000\n",
    "peer as server": f"peers p\n  server lb1 {TAKEN}\n  server lb2 127.0.0.1:8000\n",
    "peers with bind": f"peers p\n  bind {TAKEN}\n  server lb1\n  server lb2 127.0.0.1:8000\n",
    "peers with free bind": "peers p\n  bind 127.0.0.1:8000\n  server lb1\n",
    "peers off": f"peers p\n  disabled\n  peer lb1 {TAKEN}\n",
    "frontend off": f"frontend x\n  disabled\n  bind {TAKEN}\n",
    "log-forward": "log-forward l\n  bind 127.0.0.1:8000\n  dgram-bind 127.0.0.1:8000\n"
    "  log stderr local0\n",
    "log-forward taken": f"log-forward l\n  bind {TAKEN}\n  log stderr local0\n",
    "log-forward datagrams": f"log-forward l\n  dgram-bind {UDP}\n  log stderr local0\n",
    "log-forward datagrams beside tcp": f"log-forward l\n  dgram-bind {TAKEN}\n"
    "  log stderr local0\n",
    "tcp beside udp": f"frontend x\n  bind {UDP}\n",
    "ring": "ring r\n  size 32764\n  timeout connect 1s\n  timeout server 1s\n"
    "  server s 10.9.9.9:514\n",
    "resolvers": "resolvers r\n  nameserver n 10.9.9.9:53\n",
    "source": "backend b\n  server s 127.0.0.1:80 source 10.9.9.9:7002\n",
    "mailers": "mailers m\n  mailer m 10.9.9.9:25\n",
    "stats socket over tcp": f"global\n  stats socket ipv4@{TAKEN} level admin\n",
    "free stats socket over tcp": "global\n  stats socket ipv4@127.0.0.1:8000 level admin\n",
    "path prefix": "global\n  unix-bind prefix {run}/none/\nfrontend x\n  bind unix@x.sock\n",
    "good path prefix": "global\n  unix-bind prefix {run}/\nfrontend x\n  bind unix@x.sock\n",
    "set in global": 'global\n  setenv PORT 7001\nfrontend x\n  bind "127.0.0.1:${{PORT}}"\n',
    "set if unset": 'global\n  presetenv HERE ::1\nfrontend x\n  bind "${{HERE}}:7001"\n',
    "name of the local peer": "global\n  localpeer other\npeers p\n"
    f"  peer lb1 {TAKEN}\n  peer other 127.0.0.1:8000\n",
}
HEAD = (
    "global\n  localpeer lb1\ndefaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1s\n"
    "  timeout server 1s\nfrontend base\n  bind 127.0.0.1:6000\n"
)
ENVIRONMENT = {"HERE": "127.0.0.1", "BOTH": f"127.0.0.1:8000,{TAKEN}"}


def forms(run: Path) -> dict[str, str]:
    """Each by a name, as a whole configuration."""
    found = {bind: f"frontend x\n  bind {bind.replace('{run}', str(run))}\n" for bind in BINDS}
    found |= {name: body.replace("{{", "{").replace("}}", "}") for name, body in BODIES.items()}
    return {name: HEAD + body.replace("{run}", str(run)) for name, body in found.items()}


def haproxy_binds(binary: str, text: str, run: Path) -> str:
    """``""`` if HAProxy gets all that it is to listen on, else what it says."""
    config, pid = run / "haproxy.cfg", run / "pid"
    config.write_text(text)
    pid.unlink(missing_ok=True)
    command = [binary, "-D", "-f", str(config), "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        return done.stderr.strip() or "?"
    process = int(pid.read_text())
    os.kill(process, signal.SIGKILL)
    eventually(lambda: not probe_says(HEAD), what="an end of all its threads")
    return ""


def probe_says(text: str) -> str:
    """``""`` if our probe finds nothing."""
    try:
        try_new(None, parse(text), Binder(environment=os.environ))
    except ApplyError as error:
        return str(error)
    return ""


def _others(run: Path) -> list[socket.socket]:
    stream = [
        socket.create_server(("127.0.0.1", 7001)),
        socket.create_server(("0.0.0.0", 7002)),
        socket.create_server(("::1", 7003), family=socket.AF_INET6),
    ]
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 7004))
    abstract, path = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    abstract.bind(b"\0taken".ljust(108, b"\0"))
    path.bind(str(run / "taken.sock"))
    for each in (abstract, path):
        each.listen()
    return [*stream, datagrams, abstract, path]


def main() -> None:
    run, binary = Path.cwd(), sys.argv[1]
    for words in ("link set lo up", "link add dum0 type veth peer name dum1", "link set dum0 up"):
        subprocess.run(["ip", *words.split()], check=True)
    subprocess.run(["ip", "address", "add", "10.9.9.1/24", "dev", "dum0"], check=True)
    os.environ |= ENVIRONMENT
    (run / "folder").mkdir()
    others = _others(run)
    found = {}
    for name, text in forms(run).items():
        found[name] = haproxy_binds(binary, text, run), probe_says(text)
        with suppress(FileNotFoundError):
            (run / "x.sock").unlink()
    sys.stdout.write(json.dumps(found))
    for each in others:
        each.close()


if __name__ == "__main__":
    main()
