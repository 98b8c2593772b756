"""An operator at ZooKeeper, or another program that writes there."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

from kazoo.client import KazooClient
from kazoo.exceptions import NodeExistsError, NoNodeError, NotEmptyError

from lbdisc.testing.waiting import DEADLINE


class Editor:
    """A plain kazoo client that outlives restarts."""

    def __init__(self, hosts: list[str], auth: tuple[str, str] | None = None) -> None:
        self.kazoo: Any = KazooClient(
            hosts=",".join(hosts),
            timeout=10,
            auth_data=[("digest", ":".join(auth))] if auth else None,
            connection_retry={"max_tries": -1, "delay": 0.05, "max_delay": 0.5},
            command_retry={"max_tries": -1, "delay": 0.05, "deadline": DEADLINE},
        )

    def __enter__(self) -> Self:
        self.kazoo.start(timeout=DEADLINE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kazoo.stop()
        self.kazoo.close()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Without its session, which a later one knows nothing of."""
        self.kazoo.stop()
        yield
        self.kazoo.start(timeout=DEADLINE)

    def put(self, path: str, text: str | bytes) -> None:
        """Create or change the persistent node at ``path``."""
        record = text.encode() if isinstance(text, str) else text
        try:
            self.kazoo.retry(self.kazoo.set, path, record)
        except NoNodeError:
            with suppress(NodeExistsError):  # a first try got through and lost its answer
                self.kazoo.retry(self.kazoo.create, path, record, makepath=True)

    def put_many(self, paths: list[str], text: str) -> None:
        """Create many nodes below one that exists."""
        for answer in [self.kazoo.create_async(path, text.encode()) for path in paths]:
            answer.get()

    def get(self, path: str) -> str | None:
        """What the node holds, ``None`` if there is none."""
        with suppress(NoNodeError):
            record: bytes = self.kazoo.retry(self.kazoo.get, path)[0]
            return record.decode()
        return None

    def remove(self, path: str) -> None:
        """Remove the node and what is below it, also what a registrar puts back meanwhile.

        Raises ``NotEmptyError`` where it is put back for the tenth time.
        """
        for _ in range(9):
            with suppress(NotEmptyError):
                self.kazoo.retry(self.kazoo.delete, path, recursive=True)
                return
        self.kazoo.retry(self.kazoo.delete, path, recursive=True)
