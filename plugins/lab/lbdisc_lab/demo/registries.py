"""The registry of the demo: a folder, or real servers of a backend."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from lbdisc.errors import LbdiscError, SettingsError
from lbdisc_lab.demo.ports import LOOPBACK

OWN = ("doozer", "etcd", "serf", "zookeeper")  # whose servers are in ``lbdisc_lab.servers``


class DemoRegistry(Protocol):
    """Where the nodes of the demo are known."""

    @property
    def backend(self) -> str:
        """The name that the setting ``backend`` takes."""

    @property
    def settings(self) -> Mapping[str, object]:
        """What the agent needs, by dotted keys."""

    def node_settings(self, index: int) -> Mapping[str, object]:
        """What the node ``s<index>`` needs, by dotted keys."""

    def node_address(self, index: int) -> str:
        """The loopback address that the node ``s<index>`` serves on."""

    def stop(self) -> None:
        """End its servers."""


class DemoFolder:
    """The embedded default: no server at all."""

    backend = "file"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.settings: dict[str, object] = {"file.dir": folder}

    def node_settings(self, index: int) -> Mapping[str, object]:
        return self.settings

    def node_address(self, index: int) -> str:
        return LOOPBACK

    def stop(self) -> None:
        """Nothing runs."""


class _Servers(Protocol):
    """What the ``start`` of a backend's servers returns."""

    @property
    def settings(self) -> Mapping[str, object]: ...

    def node_settings(self, index: int) -> Mapping[str, object]: ...

    def stop(self) -> None: ...


@runtime_checkable
class _Addressing(Protocol):
    def node_address(self, index: int) -> str: ...


class _Testing(Protocol):
    def start(self, folder: Path, *, members: int = 1) -> _Servers: ...


class Real:
    """Real servers of a backend."""

    def __init__(self, backend: str, servers: _Servers) -> None:
        self.backend = backend
        self._servers = servers

    @property
    def settings(self) -> Mapping[str, object]:
        return self._servers.settings

    def node_settings(self, index: int) -> Mapping[str, object]:
        return self._servers.node_settings(index)

    def node_address(self, index: int) -> str:
        """That of the node's member, where the cluster has one beside each node."""
        if isinstance(self._servers, _Addressing):
            return self._servers.node_address(index)
        return LOOPBACK

    def stop(self) -> None:
        self._servers.stop()


def start(backend: str, folder: Path) -> DemoRegistry:
    """Start the registry ``backend`` with its data in ``folder``.

    Raises ``SettingsError`` for an unknown one, and ``LbdiscError`` when it does not start.
    """
    if backend == "file":
        return DemoFolder(folder)
    testing = _testing(backend)
    folder.mkdir(parents=True)
    try:
        return Real(backend, testing.start(folder))
    except (RuntimeError, AssertionError, OSError) as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise LbdiscError(f"the registry {backend} does not start: {line}") from error


def _testing(backend: str) -> _Testing:
    own = backend in OWN
    name = f"lbdisc_lab.servers.{backend}" if own else f"lbdisc_{backend}.testing"
    try:
        return cast(_Testing, importlib.import_module(name))
    except ModuleNotFoundError as error:
        if own:
            raise SettingsError(
                f"--backend {backend!r}: there is no {error.name}; install lbdisc-lab[servers]"
            ) from error
        raise SettingsError(
            f"--backend {backend!r}: file, {', '.join(OWN)}, or one whose plugin brings servers "
            f"for a demo (a module {name})"
        ) from error
