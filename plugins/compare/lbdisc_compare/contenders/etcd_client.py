"""A client of etcd's JSON gateway, over one kept connection, as fast as a client can be."""

import http.client
import json
import socket
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from lbdisc.errors import LbdiscError

TIMEOUT = 3.0  # seconds for one request
PATIENCE = 10.0  # seconds over all servers
AT_ONCE = 1000  # puts in one transaction; etcd takes 128 unless --max-txn-ops says more


class EtcdClient:
    """Writes to whichever of ``urls`` takes it. Raises ``LbdiscError`` if none does for 10 s."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = list(urls)
        self._connection: http.client.HTTPConnection | None = None

    def put(self, key: str, fields: Mapping[str, object]) -> None:
        self._call("put", {"key": _coded(key), "value": _coded(json.dumps(fields))})

    def put_all(self, records: Mapping[str, Mapping[str, object]]) -> None:
        """Many, in transactions of up to 1,000."""
        puts = [
            {"request_put": {"key": _coded(key), "value": _coded(json.dumps(fields))}}
            for key, fields in records.items()
        ]
        for at in range(0, len(puts), AT_ONCE):
            self._call("txn", {"success": puts[at : at + AT_ONCE]})

    def put_texts(self, texts: Mapping[str, str]) -> None:
        """The same for keys with texts; up to 1,000 at a time are one revision."""
        pairs = list(texts.items())
        for at in range(0, len(pairs), AT_ONCE):
            some = pairs[at : at + AT_ONCE]
            puts = [{"request_put": {"key": _coded(k), "value": _coded(v)}} for k, v in some]
            self._call("txn", {"success": puts})

    def delete_under(self, prefix: str) -> None:
        """All keys that begin with ``prefix``, whose last character is ASCII."""
        end = f"{prefix[:-1]}{chr(ord(prefix[-1]) + 1)}"
        self._call("deleterange", {"key": _coded(prefix), "range_end": _coded(end)})

    def delete(self, key: str) -> None:
        self._call("deleterange", {"key": _coded(key)})

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self, what: str, body: Mapping[str, object]) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self._ask(what, body)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                self._urls.append(self._urls.pop(0))
                if time.monotonic() > end:
                    raise LbdiscError(f"no etcd takes a {what}: {error}") from error
                time.sleep(0.01)

    def _ask(self, what: str, body: Mapping[str, object]) -> None:
        connection = self._connection or self._connect()
        connection.request("POST", f"/v3/kv/{what}", json.dumps(body))
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200:
            raise OSError(text.decode(errors="replace")[:200])

    def _connect(self) -> http.client.HTTPConnection:
        where = urlsplit(self._urls[0])
        assert where.hostname is not None
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=TIMEOUT)
        connection.connect()
        assert connection.sock is not None
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        return connection


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode()
