"""The registry of the demo: a folder, or the real servers of a backend's ``testing`` module."""

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from lbdisc.errors import LbdiscError, SettingsError

NODES = 6  # s1 to s5, and one that a person may add by hand


class Registry(Protocol):
    """Where the nodes of the demo are known."""

    @property
    def backend(self) -> str:
        """The name that the setting ``backend`` takes."""

    @property
    def settings(self) -> Mapping[str, object]:
        """What the agent needs, by dotted keys."""

    def node_settings(self, index: int) -> Mapping[str, object]:
        """What the node ``s<index>`` needs, by dotted keys."""

    def stop(self) -> None:
        """End its servers."""


class Folder:
    """The embedded default: no server at all."""

    backend = "file"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.settings: dict[str, object] = {"file.dir": folder}

    def node_settings(self, index: int) -> Mapping[str, object]:
        return self.settings

    def stop(self) -> None:
        """Nothing runs."""


class _Servers(Protocol):
    """What ``lbdisc_<backend>.testing.start`` returns."""

    @property
    def settings(self) -> Mapping[str, object]: ...

    def node_settings(self, index: int) -> Mapping[str, object]: ...

    def stop(self) -> None: ...


class _Testing(Protocol):
    def start(self, folder: Path, *, members: int = 1) -> _Servers: ...


class Real:
    """Real servers. Where each node has a registry member of its own, member 0 is the agent's."""

    def __init__(self, backend: str, servers: _Servers) -> None:
        self.backend = backend
        self._servers = servers

    @property
    def settings(self) -> Mapping[str, object]:
        return self._servers.settings

    def node_settings(self, index: int) -> Mapping[str, object]:
        return self._servers.node_settings(index)

    def stop(self) -> None:
        self._servers.stop()


# A gossip cluster has a member beside every node, not servers that all share.
_MEMBER_PER_NODE = ("serf",)


def start(backend: str, folder: Path) -> Registry:
    """Start the registry ``backend`` with its data in ``folder``.

    Raises ``SettingsError`` for an unknown one, and ``LbdiscError`` when it does not start.
    """
    if backend == "file":
        return Folder(folder)
    testing = _testing(backend)
    folder.mkdir(parents=True)
    members = 1 + NODES if backend in _MEMBER_PER_NODE else 1
    try:
        return Real(backend, testing.start(folder, members=members))
    except (RuntimeError, AssertionError, OSError) as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise LbdiscError(f"the registry {backend} does not start: {line}") from error


def _testing(backend: str) -> _Testing:
    name = f"lbdisc_{backend}.testing"
    try:
        found = backend.isidentifier() and importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    if not found:
        raise SettingsError(
            f"--backend {backend!r}: file, or one whose plugin brings servers for a demo "
            f"(a module {name})"
        )
    return cast(_Testing, importlib.import_module(name))
