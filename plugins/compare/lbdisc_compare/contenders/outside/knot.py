"""A real authoritative name server, knot, whose zone changes by dynamic updates (RFC 2136)."""

import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.update

from lbdisc.environment import for_child
from lbdisc.testing.processes import Process
from lbdisc_compare.hosts.host import Host
from lbdisc_compare.installing import needed

PORT = 5353
ZONE = "lbdisc.test"
SERVICE = "_http._tcp.nodes"
TTL = 1  # seconds; HAProxy looks at none
UDP_PAYLOAD = 4096  # bytes; the most that knot takes, and what HAProxy's manual recommends
PATIENCE = 5.0  # seconds for the answer to an update
CONFIGURATION = """server:
  listen: {address}@{port}
  rundir: {folder}
  udp-max-payload: {payload}
database:
  storage: {folder}
control:
  listen: {folder}/control
log:
  - target: stderr
    any: warning
acl:
  - id: updates
    action: update
zone:
  - domain: {zone}
    file: {folder}/zone
    acl: updates
    zonefile-sync: -1
    journal-content: changes
"""
FIRST_ZONE = """$ORIGIN {zone}.
$TTL {ttl}
@ SOA ns hostmaster 1 3600 600 86400 {ttl}
@ NS ns
ns A {address}
"""


def knot(host: Host, folder: Path) -> Process:
    """A name server of the zone, with nobody in it; it is not started yet."""
    folder.mkdir(parents=True, exist_ok=True)
    fields: dict[str, object] = {"address": host.address, "port": PORT, "folder": folder}
    fields |= {"zone": ZONE, "ttl": TTL, "payload": UDP_PAYLOAD}
    (folder / "zone").write_text(FIRST_ZONE.format(**fields))
    file = folder / "knot.conf"
    file.write_text(CONFIGURATION.format(**fields))
    return host.process(
        needed("knotd"), "-c", file, log=folder / "knot.log", ready=lambda: _knows(host.address)
    )


def _knows(address: str) -> bool:
    try:
        query = dns.message.make_query(f"{ZONE}.", "SOA")
        return bool(dns.query.udp(query, address, port=PORT, timeout=0.2).answer)
    except (dns.exception.DNSException, OSError):
        return False


class ZoneUpdates:
    """Changes the zone as a node's own update client does. All raise ``RuntimeError``.

    knot takes one in a second: another one waits until the second is over (seen with 3.2).
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def put(self, name: str, place: tuple[str, int], weight: int, before: int | None) -> None:
        """The node's address, and its service record instead of that of the weight ``before``."""
        update = dns.update.UpdateMessage(ZONE)
        update.replace(name, TTL, "A", place[0])
        if before is not None:
            update.delete(SERVICE, "SRV", _record(name, place[1], before))
        update.add(SERVICE, TTL, "SRV", _record(name, place[1], weight))
        self._send(update)

    def remove(self, name: str, port: int, weight: int) -> None:
        update = dns.update.UpdateMessage(ZONE)
        update.delete(SERVICE, "SRV", _record(name, port, weight))
        update.delete(name)
        self._send(update)

    def _send(self, update: dns.update.UpdateMessage) -> None:
        try:
            answer = dns.query.tcp(update, self._address, port=PORT, timeout=PATIENCE)
        except (dns.exception.DNSException, OSError) as error:
            raise RuntimeError(f"the name server took no update: {error}") from error
        if answer.rcode() != dns.rcode.NOERROR:
            raise RuntimeError(f"the name server: {dns.rcode.to_text(answer.rcode())}")


class ZoneConsole:
    """Changes the zone as its operator does, over one ``knotc`` that stays. A change of any number
    of records is one transaction. All raise ``RuntimeError``.
    """

    def __init__(self, folder: Path) -> None:
        # knotc would keep its answers until there are many.
        self._command = ["stdbuf", "-oL", needed("knotc"), "-c", str(folder / "knot.conf")]
        self._child: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def add(self, places: Mapping[str, tuple[str, int]], weight: int) -> None:
        lines = []
        for name, (address, port) in places.items():
            lines += [
                f"zone-set {ZONE} {name} {TTL} A {address}",
                f"zone-set {ZONE} {SERVICE} {TTL} SRV {_record(name, port, weight)}",
            ]
        self._change(lines)

    def weigh(self, name: str, port: int, before: int, weight: int) -> None:
        if weight != before:
            self._change(
                [
                    f"zone-unset {ZONE} {SERVICE} SRV {_record(name, port, before)}",
                    f"zone-set {ZONE} {SERVICE} {TTL} SRV {_record(name, port, weight)}",
                ]
            )

    def remove(self, name: str, port: int, weight: int) -> None:
        self._change(
            [
                f"zone-unset {ZONE} {SERVICE} SRV {_record(name, port, weight)}",
                f"zone-unset {ZONE} {name} A",
            ]
        )

    def _change(self, lines: Sequence[str]) -> None:
        with self._lock:
            try:
                self._say([f"zone-begin {ZONE}", *lines, f"zone-commit {ZONE}"])
            except RuntimeError:
                self.close()
                raise

    def _say(self, lines: Sequence[str]) -> None:
        if self._child is None:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=for_child(),
            )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        for line in lines:
            self._child.stdin.write(f"{line}\n")
            self._child.stdin.flush()
            answer = self._child.stdout.readline().strip()
            if answer != "OK":
                raise RuntimeError(f"knotc {line}: {answer or 'it ended'}")

    def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.communicate()


def _record(name: str, port: int, weight: int) -> str:
    return f"0 {srv_weight(weight)} {port} {name}.{ZONE}."


def srv_weight(weight: int) -> int:
    """The weight of a record that HAProxy makes ``weight`` (0 to 256) of.

    It has 16 bits there; HAProxy divides by 256 and rounds up (seen with ``show servers state``).
    """
    return min(weight * 256, 65535)
