"""Everything is killed and started again at new addresses: no service gets another's answer."""

import json
from contextlib import suppress
from dataclasses import replace
from urllib.request import Request, urlopen

import pytest

from lbdisc_lab.containers.backends import backend
from lbdisc_lab.containers.container import Container
from lbdisc_lab.containers.docker import docker
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site

SERVICES = ("web", "api")


class Town:
    """A site with two nodes of each of two services, all at one port."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.services: dict[str, str] = {}  # of the hosts that answer
        self.wrong: list[str] = []
        site.start_registry()
        site.start_balancer()
        for service in SERVICES:
            for number in (1, 2):
                self._start(service, f"{service}{number}")

    def _start(self, service: str, name: str) -> None:
        run = self.site.node_run(name)
        environment = {**run.environment, "LBDISC_REGISTER_SERVICE": service}
        node = self.site.engine.run(replace(run, environment=environment))
        self.site.nodes[name] = node
        self.services[node.host] = service

    def ask(self, service: str) -> str:
        """The host that answers for ``service``, empty if none does."""
        request = Request(self.site.url, headers={"Host": service})
        with suppress(OSError), urlopen(request, timeout=5) as answer:
            host = str(json.load(answer)["host"])
            if self.services[host] != service:
                self.wrong.append(f"{service}: {host} of {self.services[host]}")
            return host
        return ""

    def until_served(self) -> None:
        """Until each node has answered; every answer counts."""
        found: set[str] = set()

        def served() -> bool:
            found.update(self.ask(service) for service in SERVICES)
            return found >= self.services.keys()

        self.site.until(served, "each node to answer")

    def start_again(self) -> None:
        """Kill all at once, start the nodes the other way round, and the registry last."""
        site = self.site
        everything = [*reversed(site.nodes.values()), site.balancer]
        last: list[Container] = [] if site.registry is None else [site.registry]
        docker("kill", *(container.id for container in (*everything, *last)))
        for container in (*everything, *last):
            container.start()


@pytest.mark.parametrize("name", ["etcd", "file"])
def test_after_a_start_of_everything_no_service_gets_anothers_answer(
    engine: Engine, name: str
) -> None:
    environment = {"LBDISC_SERVICES": json.dumps(SERVICES)}
    options = ("--read-only", "--tmpfs", "/run", "--tmpfs", "/tmp") if name == "file" else ()
    with Site(engine, backend(name), environment=environment, options=options) as site:
        town = Town(site)
        town.until_served()
        before = {name: node.address for name, node in site.nodes.items()}
        town.start_again()
        town.until_served()
        assert {name: node.address for name, node in site.nodes.items()} != before
        assert town.wrong == []
