"""What an own agent keeps between two starts, and for which cluster: its snapshot and its keyring.

Serf writes both by itself: the members that it knows, and what ``serf keys`` does to the gossip
keys. A note beside them says for which ``serf.join`` and ``serf.encrypt`` they were begun.
"""

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import structlog

from lbdisc import atomic
from lbdisc.errors import SettingsError
from lbdisc_serf.members import Member
from lbdisc_serf.settings import GOSSIP_PORT, SerfSettings, check_keys, split


class AgentFiles:
    """The files of the agent ``node`` in ``settings.folder``. Raises ``OSError``."""

    def __init__(self, settings: SerfSettings, node: str) -> None:
        self._log = structlog.get_logger("lbdisc.serf")
        self._settings = settings
        self._node = node
        self._note = settings.folder / f"{node}.cluster"
        self.snapshot = settings.folder / f"{node}.snapshot"
        self.keyring = settings.folder / f"{node}.keyring"

    def prepare(self, keys: tuple[str, ...]) -> None:
        """Before a start with the gossip ``keys``: put aside what was another cluster's.

        A snapshot stays if its ``serf.join`` is this one or names a member that this one names
        too. A keyring stays while ``keys`` are those that it was begun with: a rotation by
        ``serf keys`` outlives a crash, and new settings win.
        """
        known, join = self._read(), self._join()
        if self.snapshot.exists() and not _same(known.get("join"), join):
            self._put_aside(known.get("join"))
        digest = hashlib.sha256(" ".join(keys).encode()).hexdigest() if keys else ""
        if keys and (known.get("keys") != digest or not _usable(self.keyring)):
            atomic.write(self.keyring, json.dumps(keys), mode=0o600)
        atomic.write(self._note, json.dumps({"join": join, "keys": digest}), mode=0o600)

    @property
    def known(self) -> tuple[Member, ...]:
        """The others in the snapshot, alive when the last agent ended; damaged lines are none."""
        found: dict[str, Member] = {}
        text = self.snapshot.read_bytes() if self.snapshot.exists() else b""
        for line in text.decode("utf-8", errors="replace").splitlines():
            what, _, rest = line.partition(": ")
            name, _, at = rest.partition(" ")
            found.pop(name if what == "alive" else rest, None)
            if what == "alive" and (member := _member(name, at)):
                found[name] = member
        found.pop(self._node, None)
        return tuple(found.values())

    def _put_aside(self, was: object) -> None:
        aside = self.snapshot.with_name(f"{self.snapshot.name}.before")
        self.snapshot.replace(aside)
        self._log.warning(
            "the members that the agent knew are another cluster's: not joined again",
            was=was or "unknown",
            join=self._join(),
            kept=str(aside),
        )

    def _join(self) -> list[str]:
        named = (split(member, "serf.join", port=GOSSIP_PORT) for member in self._settings.join)
        return sorted(f"{host.lower()}:{port}" for host, port in named)

    def _read(self) -> dict[str, Any]:
        found = _json(self._note)
        return found if isinstance(found, dict) else {}


def _member(name: str, at: str) -> Member | None:
    try:
        address, port = split(at, "a snapshot's member")
    except SettingsError:
        return None
    return Member(name=name, address=address, port=port, status="alive")


def _same(was: object, join: Collection[str]) -> bool:
    """Whether two lists to join name one cluster; two empty ones do."""
    if not isinstance(was, list):
        return False
    return set(was) == set(join) or bool(set(was) & set(join))


def _usable(keyring: Path) -> bool:
    keys = _json(keyring)
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        return False
    try:
        check_keys(keys)
    except SettingsError:
        return False
    return True


def _json(path: Path) -> object:
    """What the file says, ``None`` if it is absent or no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
