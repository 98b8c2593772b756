"""What each registry needs on an engine: a container of its own, a volume, or nothing."""

from dataclasses import dataclass

from lbdisc.errors import SettingsError
from lbdisc_lab.containers.container import Container, Run
from lbdisc_lab.containers.engine import Engine

IMAGE = "lbdisc/{}:latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabBackend:
    """A registry by the name that ``LBDISC_BACKEND`` takes.

    ``server`` names its image and its host, empty where it has no server; ``volume`` is the path
    of the folder that balancer and nodes share, empty where they share none.
    """

    name: str
    server: str = ""
    volume: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """The one variable that selects it; none for the default."""
        return {} if self.name == "file" else {"LBDISC_BACKEND": self.name}

    def volumes(self, engine: Engine) -> tuple[str, ...]:
        """What balancer and nodes mount."""
        return (f"{engine.named('nodes')}:{self.volume}",) if self.volume else ()

    def prepare(self, engine: Engine) -> None:
        """Make what has to be there before any container. Raises ``DockerError``."""
        if self.volume:
            engine.volume("nodes")

    def run_server(self, engine: Engine, network: str) -> Container | None:
        """Start its server, where it has one. Raises ``DockerError``."""
        if not self.server:
            return None
        return engine.run(Run(image=IMAGE.format(self.server), name=self.server, network=network))


BACKENDS = {
    backend.name: backend
    for backend in (
        LabBackend(name="file", volume="/nodes"),
        LabBackend(name="serf"),
        LabBackend(name="etcd", server="etcd"),
        LabBackend(name="zookeeper", server="zookeeper"),
    )
}


def backend(name: str) -> LabBackend:
    """The registry of that name. Raises ``SettingsError`` for one that has no image."""
    try:
        return BACKENDS[name]
    except KeyError:
        known = ", ".join(BACKENDS)
        raise SettingsError(f"no image for the backend {name!r} (known: {known})") from None
