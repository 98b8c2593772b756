"""Holds keys in etcd under a lease, as a registrar beside a node does.

``python registrar.py URL[,URL…] TTL KEY=VALUE …`` says ``registered`` once they are there, renews
the lease every third of ``TTL`` seconds, and writes them again under a new one where it has ended.
At SIGTERM it takes them out and ends. Nothing but Python is imported.
"""

import json
import signal
import sys
import threading
import urllib.request
from base64 import b64encode
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

RENEWALS = 3  # in the time of a lease
PAUSE = 0.2  # seconds before another try
ANSWER = 3.0  # seconds


class KeyHolder:
    """``hold`` keeps ``keys`` until ``leave`` is set. Any failure is tried again."""

    def __init__(self, urls: Sequence[str], ttl: int, keys: Mapping[str, str]) -> None:
        self._urls = list(urls)
        self._ttl = ttl
        self._keys = keys
        self._lease = ""
        self.leave = threading.Event()

    def hold(self) -> None:
        while not self.leave.is_set():
            try:
                if not self._renewed():
                    self._register()
            except OSError as error:
                _say(f"trying again: {error}")
                self._urls.append(self._urls.pop(0))
                self.leave.wait(PAUSE)
            else:
                self.leave.wait(self._ttl / RENEWALS)
        if self._lease:
            self._ask("lease/revoke", ID=self._lease)
        _say("left")

    def _renewed(self) -> bool:
        if not self._lease:
            return False
        answer = self._ask("lease/keepalive", ID=self._lease)
        return int(answer.get("result", {}).get("TTL", 0)) > 0

    def _register(self) -> None:
        self._lease = self._ask("lease/grant", TTL=self._ttl)["ID"]
        puts = [
            {"request_put": {"key": _coded(key), "value": _coded(value), "lease": self._lease}}
            for key, value in self._keys.items()
        ]
        self._ask("kv/txn", success=puts)
        _say("registered")

    def _ask(self, what: str, **fields: object) -> dict[str, Any]:
        """Raises ``OSError``, of which ``URLError`` is one."""
        request = urllib.request.Request(f"{self._urls[0]}/v3/{what}", json.dumps(fields).encode())
        with urllib.request.urlopen(request, timeout=ANSWER) as reply:
            found: dict[str, Any] = json.load(reply)
        return found


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    urls, ttl, *pairs = sys.argv[1:]
    keys = dict(pair.split("=", 1) for pair in pairs)
    holder = KeyHolder(urls.split(","), int(ttl), keys)

    def end(number: int, frame: FrameType | None) -> None:
        holder.leave.set()

    signal.signal(signal.SIGTERM, end)
    holder.hold()


if __name__ == "__main__":
    main()
