"""``python -m lbdisc_lab.servers.doozer``: a server of doozer's protocol, with doozerd's options.

Our own, for tests; it is not doozerd. SIGUSR1 makes it stand still as without a majority, SIGUSR2
go on. The secrets are in the environment, as doozerd's are.
"""

import argparse
import asyncio
import base64
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from lbdisc_doozer.messages import CLOBBER
from lbdisc_lab.servers.doozer.serving import Client, DoozerService, Secrets
from lbdisc_lab.servers.doozer.store import FileEvent

SELF = "LBDISC"
CLEAN = 1.0  # seconds between two times that the history is cut, as doozerd's ``gc.Clean`` does


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("-l", default="127.0.0.1:8046", metavar="HOST:PORT", help="where to listen")
    parser.add_argument("-w", default="false", help="taken and passed over: there is no web view")
    parser.add_argument("-hist", type=int, default=2000, help="revisions that are known")
    parser.add_argument("-pulse", type=float, default=1.0, help="seconds between own writes")
    parser.add_argument("--data", type=Path, help="a file that outlives the process")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(options: argparse.Namespace) -> None:
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    environment = os.environ.get
    secrets = Secrets(environment("DOOZER_RWSECRET", ""), environment("DOOZER_ROSECRET", ""))
    journal = _Journal(options.data)
    service = DoozerService(secrets, journal.write)
    service.store.restore(journal.read())
    journal.open()
    if service.store.revision == 0:
        service.store.set("/ctl/name", b"local", CLOBBER)
        service.store.set("/ctl/cal/0", SELF.encode(), CLOBBER)
    for number, call in (
        (signal.SIGTERM, over.set),
        (signal.SIGUSR1, service.stand_still),
        (signal.SIGUSR2, service.go_on),
    ):
        loop.add_signal_handler(number, call)
    host, _, port = options.l.rpartition(":")
    server = await loop.create_server(lambda: Client(service), host.strip("[]"), int(port))
    tasks = [
        asyncio.create_task(_every(options.pulse, lambda: _pulse(service))),
        asyncio.create_task(_every(CLEAN, lambda: _clean(service, options.hist))),
    ]
    async with server:
        await over.wait()
    for task in tasks:
        task.cancel()


async def _every(seconds: float, work: Callable[[], None]) -> None:
    while True:
        work()
        await asyncio.sleep(seconds)


def _pulse(service: DoozerService) -> None:
    """As doozerd's ``gc.Pulse``: where this comes through, any write does."""
    store = service.store
    applied = str(store.revision).encode()
    service.write(lambda: store.set(f"/ctl/node/{SELF}/applied", applied, CLOBBER))


def _clean(service: DoozerService, kept: int) -> None:
    service.store.forget(service.store.revision - kept)


class _Journal:
    """Every change, one JSON line each; without a file nothing outlives the process."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._log: TextIO | None = None

    def read(self) -> Iterator[FileEvent]:
        if self._file is None or not self._file.exists():
            return
        for line in self._file.read_text(encoding="ascii").splitlines():
            if line.endswith("]"):  # a line that was being written when the process died counts not
                revision, path, value = json.loads(line)
                yield FileEvent(revision, path, None if value is None else base64.b64decode(value))

    def open(self) -> None:
        self._log = None if self._file is None else self._file.open("a", encoding="ascii")

    def write(self, event: FileEvent) -> None:
        if self._log is not None:
            value = None if event.value is None else base64.b64encode(event.value).decode()
            print(json.dumps([event.revision, event.path, value]), file=self._log, flush=True)


if __name__ == "__main__":
    main()
