"""Lines that take their time: marked packets leave the router by one, and come back later."""

import fcntl
import os
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from lbdisc.environment import for_child
from lbdisc_compare.contenders.contender import Unable
from lbdisc_compare.hosts.filtering import LINES
from lbdisc_compare.hosts.routing import ip, settle, tc

TUN = Path("/dev/net/tun")
TUNSETIFF = 0x400454CA  # linux/if_tun.h
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
HARDWARE = "02:00:00:00:00:01"  # of both ends, so that none has to ask for the other's
QUEUE = 50_000  # packets
LOCAL_AFTER = 100  # the priority of the local addresses' rule; marks come before
HANGS = 10.0  # seconds


class DelayLine(Protocol):
    """What a packet with the mark ``number`` passes."""

    @property
    def number(self) -> int: ...

    @property
    def means(self) -> str:
        """For the report."""

    def close(self) -> None:
        """Lets through what waits; no packet may come any more."""


def delay_line(number: int, seconds: float) -> DelayLine:
    """By the kernel's netem where it has it, else by a relay of ours. Raises ``Unable``."""
    try:
        return NetemLine(number, seconds)
    except RuntimeError:
        return RelayLine(number, seconds)


class NetemLine:
    """A veth pair, both ends at the router, with ``netem`` at one of them (tc-netem(8))."""

    means = "tc netem"

    def __init__(self, number: int, seconds: float) -> None:
        """Raises ``RuntimeError`` where the kernel has no netem."""
        self.number, self._seconds = number, seconds
        self._device = f"{LINES}{number}"
        back = f"{self._device}b"
        ip(
            f"link add {self._device} address {HARDWARE} type veth"
            f" peer name {back} address {HARDWARE}",
            f"link set {self._device} arp off",
            f"link set {back} arp off up",
        )
        try:
            discipline = f"netem delay {seconds * 1e6:.0f}us limit {QUEUE}"
            tc(f"qdisc add dev {self._device} root {discipline}")
        except RuntimeError:
            ip(f"link del {self._device}")
            raise
        _lead_over(self._device, number, back=back)

    def close(self) -> None:
        time.sleep(self._seconds)
        _lead_back(self.number)
        ip(f"link del {self._device}")


class RelayLine:
    """A tun device, with a process of ours that holds each packet for a while."""

    means = "relay on /dev/net/tun"

    def __init__(self, number: int, seconds: float) -> None:
        """Raises ``Unable`` where this user may not open /dev/net/tun."""
        self.number = number
        device = f"{LINES}{number}"
        tun = _tun(device)
        try:
            relay = [sys.executable, "-m", "lbdisc_compare.hosts.relay", str(tun), str(seconds)]
            self._relay = subprocess.Popen(
                relay, stdin=subprocess.DEVNULL, pass_fds=[tun], env=for_child()
            )
        finally:
            os.close(tun)
        ip(f"link set {device} txqueuelen {QUEUE}")
        _lead_over(device, number, back=device)

    def close(self) -> None:
        _lead_back(self.number)
        self._relay.terminate()
        self._relay.wait(HANGS)


def _tun(device: str) -> int:
    try:
        tun = os.open(TUN, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise Unable(
            f"no delay: the kernel has no netem, and {TUN} does not open ({error.strerror})"
        ) from error
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH14x", device.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def _lead_over(device: str, number: int, *, back: str) -> None:
    """Packets with the mark go over ``device``, also those that are for the router itself."""
    settle(f"ipv4/conf/{back}/rp_filter", 0)
    settle(f"ipv4/conf/{back}/accept_local", 1)  # its own packets come back to the router
    ip(
        f"link set {device} up",
        f"route add default dev {device} table {1000 + number}",
        f"rule add pref 50 fwmark {number} lookup {1000 + number}",
    )


def marks_first() -> None:
    """Rules for marks come before the local addresses', so that both directions are delayed."""
    settle("ipv4/ip_early_demux", 0)  # a packet that a socket was found for is never forwarded
    ip(f"rule add pref {LOCAL_AFTER} lookup local", "rule del pref 0")


def _lead_back(number: int) -> None:
    ip(f"rule del pref 50 fwmark {number} lookup {1000 + number}")
