"""What ``show sess`` tells of a worker's streams: which of them may last.

A client that is connected and asks for nothing has no stream: it is no long connection.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from lbdisc.haproxy.language.durations import seconds

_LINE = re.compile(
    r"^0x[0-9a-f]+: .*? fe=(?P<frontend>\S+) .*? age=(?P<age>\S*)"
    r".*? rq\[f=[^]]*?an=(?P<asks>[0-9a-f]+)h.*? rp\[f=[^]]*?an=(?P<answers>[0-9a-f]+)h",
    re.M,
)
SURE = 1  # seconds; a stream that is about to end looks like a tunnel
LONG = 10  # seconds; few requests take so long, and what did will last longer than others


@dataclass(frozen=True, slots=True, kw_only=True)
class LongConnections:
    """How many ``tunnels`` there are, and how many ``requests`` that began ``LONG`` seconds ago.

    A tunnel is a stream through which HAProxy only passes on bytes: TCP, or HTTP that was upgraded.
    """

    tunnels: int = 0
    requests: int = 0

    @property
    def count(self) -> int:
        return self.tunnels + self.requests

    @classmethod
    def read(cls, reply: str, frontends: Collection[str]) -> Self:
        """Those in ``reply``, the answer to ``show sess``, that came in by one of ``frontends``.

        Streams of the CLI and between peers come in elsewhere. Lines of another form do not count.
        """
        tunnels = requests = 0
        for found in _LINE.finditer(reply):
            if found["frontend"] in frontends:
                age = seconds(found["age"]) or 0
                passes_on = not int(found["asks"], 16) and not int(found["answers"], 16)
                tunnels += passes_on and age >= SURE
                requests += not passes_on and age >= LONG
        return cls(tunnels=tunnels, requests=requests)

    def __str__(self) -> str:
        return f"{self.tunnels} tunnels and {self.requests} requests of over {LONG} s"
