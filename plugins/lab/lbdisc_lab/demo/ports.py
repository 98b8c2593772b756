"""Ports on loopback for the demo's servers."""

import os
import random
import socket
from pathlib import Path

from lbdisc.errors import SettingsError
from lbdisc.testing.processes import free_port

LOOPBACK = "127.0.0.1"


def check_port(port: int) -> int:
    """Return ``port`` if it can be listened on. Raises ``SettingsError``."""
    try:
        with socket.create_server((LOOPBACK, port)):
            return port
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        raise SettingsError(
            f"cannot listen on {LOOPBACK}:{port}: {reason}; give another --port"
        ) from error


def quiet_port(address: str = LOOPBACK) -> int:
    """A free port below those that outgoing connections take, of which traffic makes many."""
    for port in random.sample(range(20_000, _first_outgoing_port()), 50):
        with socket.socket() as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port
    return free_port(address)


def _first_outgoing_port() -> int:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
        return max(int(text.split()[0]), 20_100)
    except (OSError, ValueError):
        return 32_768
