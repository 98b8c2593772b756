"""A HAProxy that answers for web apps: for load that a Python app could not take."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lbdisc.testing.processes import Process, accepts

TEXT = """global
    maxconn 8000
defaults
    mode http
    timeout client 50s
    timeout connect 5s
    timeout server 50s
frontend apps
{binds}
    http-request return status 200 content-type text/plain string "ok" hdr x-node p%[dst_port]
"""


@contextmanager
def responders(folder: Path, ports: Sequence[int]) -> Iterator[None]:
    """Apps at ``ports`` of every loopback address; who answers is named ``p`` and its port."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "apps.cfg"
    binds = "\n".join(f"    bind *:{port} interface lo" for port in ports)
    config.write_text(TEXT.format(binds=binds))
    command: list[str | Path] = ["haproxy", "-db", "-f", config]
    with Process(command, log=folder / "apps.log", ready=lambda: accepts(ports[-1])):
        yield
