"""What containers go through, as tests under traffic, over any registry.

A request that gets lost fails the test it was lost in, unless nothing could have served it: those
in flight on a node that is killed or cut off, and all while the balancer itself is away.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import pytest

from lbdisc_lab.containers.backends import IMAGE, backend
from lbdisc_lab.containers.docker import inspect
from lbdisc_lab.containers.engine import Engine
from lbdisc_lab.containers.site import Site

STOP = 10  # seconds that `docker stop` waits before SIGKILL, which shows as exit code 137
BASE = ("s1", "s2")  # the nodes that all tests of a class share


class ContainerMatrix:
    """The tests; a subclass names the `backend`. Registry, balancer and two nodes are shared."""

    backend: ClassVar[str]

    @pytest.fixture(autouse=True)
    def calm(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """Begins with all that is shared in order; ends with no request lost since then."""
        if "site" not in request.fixturenames:
            yield
            return
        site: Site = request.getfixturevalue("site")
        heal(site)
        yield
        assert list(map(str, site.new_losses())) == []

    def test_join(self, site: Site) -> None:
        """A node is started."""
        site.start_nodes("s3")
        site.until_up(*BASE, "s3")
        site.until_served(20, *BASE, "s3")

    def test_leave(self, site: Site) -> None:
        """A node's app is taken down inside its container: it leaves, and comes back later."""
        site.nodes["s2"].execute("s6-svc", "-d", "/run/lbdisc/services/app")
        site.until_listed("s1")
        site.until_served(50, "s1")
        assert site.nodes["s2"].running
        site.nodes["s2"].execute("s6-svc", "-u", "/run/lbdisc/services/app")
        site.until_up(*BASE)
        site.until_served(50, *BASE)

    def test_stop(self, site: Site) -> None:
        """A node is stopped (docker stop): it leaves, and ends by itself."""
        site.start_nodes("s3")
        site.until_up(*BASE, "s3")
        site.stop_nodes("s3")
        assert site.nodes["s3"].exit_code == 0
        site.until_listed(*BASE)
        site.until_served(50, *BASE)

    def test_kill(self, site: Site) -> None:
        """A node is killed (docker kill)."""
        site.start_nodes("s3")
        site.until_up(*BASE, "s3")
        site.kill_node("s3")
        site.until_served(100, *BASE)
        site.until_listed(*BASE)
        site.until_served(50, *BASE)

    def test_killed_node_started_again(self, site: Site) -> None:
        """A killed node is started again (docker start) while it is still listed."""
        site.kill_node("s2")
        site.until_served(50, "s1")
        site.nodes["s2"].start()
        site.until_up(*BASE)
        site.until_served(50, *BASE)

    def test_node_cut_off(self, site: Site) -> None:
        """A node is cut off from the network and comes back, another having taken its address."""
        address = site.nodes["s2"].address
        with site.apart.because("in flight on a node that was cut off"):
            site.nodes["s2"].disconnect()
        site.start_nodes("s3")
        assert site.nodes["s3"].address == address
        site.until_up("s1", "s3")
        site.nodes["s2"].connect()
        assert site.nodes["s2"].address != address
        site.until_up(*BASE, "s3")
        site.until_served(50, *BASE, "s3")

    def test_balancer_restarted(self, site: Site) -> None:
        """The balancer is restarted (docker restart)."""
        with site.apart.because("the balancer is away"):
            site.balancer.restart()
            site.until_up(*BASE)
            site.until_served(1)
        site.until_served(50, *BASE)

    def test_balancer_killed(self, site: Site) -> None:
        """The balancer is killed (docker kill), a node joins, the balancer is started again."""
        with site.apart.because("the balancer is away"):
            site.balancer.kill()
            site.start_nodes("s3")
            site.balancer.start()
            site.until_up(*BASE, "s3")
            site.until_served(1)
        site.until_served(50, *BASE, "s3")

    def test_balancer_cut_off(self, site: Site) -> None:
        """The balancer is cut off from the network and comes back."""
        with site.apart.because("the balancer is away"):
            site.balancer.disconnect()
            site.start_nodes("s3")
            site.balancer.connect()
            site.until_up(*BASE, "s3")
            site.until_served(1)
        site.until_served(50, *BASE, "s3")

    def test_registry_restarted(self, site: Site) -> None:
        """The registry is restarted, for Serf the balancer's agent of it, and a node joins."""
        if site.registry is not None:
            site.registry.restart()
        elif self.backend == "serf":
            site.kill_program("ha", "serf agent")
        else:
            pytest.skip("a folder has no server")
        site.until_served(50, *BASE)
        site.start_nodes("s3")
        site.until_up(*BASE, "s3")
        site.until_served(50, *BASE, "s3")

    def test_registry_killed(self, site: Site) -> None:
        """The registry is killed (docker kill) and away while nodes serve; then a node joins."""
        if site.registry is None:
            pytest.skip("it has no server that could be away")
        site.registry.kill()
        site.until(lambda: site.status().get("registry") == "lost", "the agent to notice")
        site.until_served(50, *BASE)
        site.registry.start()
        site.start_nodes("s3")
        site.until_up(*BASE, "s3")
        site.until_served(50, *BASE, "s3")

    def test_two_nodes_of_one_name(self, site: Site) -> None:
        """Two nodes are started with one name: the first serves, the second says why not."""
        site.options = ("--hostname", "twin")
        try:
            site.start_nodes("s3")
            site.until(lambda: site.up() == {*BASE, "twin"}, "the first to be up")
            site.start_nodes("s4")
        finally:
            site.options = ()
        site.until(lambda: "another" in site.nodes["s4"].logs(), "the second to say why")
        assert site.up() == {*BASE, "twin"}
        site.until_served(50, *BASE)

    def test_an_app_that_never_becomes_healthy(self, site: Site) -> None:
        """A node whose app listens nowhere: it gets no traffic, and its log says why."""
        run = replace(site.node_run("s3"), command=("sleep", "1000"))
        site.nodes["s3"] = site.engine.run(run)
        site.until(lambda: "check failed" in site.nodes["s3"].logs(), "the node to say why")
        site.until_served(100, *BASE)
        assert site.listed() == set(BASE)

    def test_the_variable_alone_selects_the_registry(self, site: Site) -> None:
        """The images are those of every backend, and one variable is all that is told them."""
        assert site.status()["backend"] == self.backend
        for container, image in ((site.balancer, "ha"), (site.nodes["s1"], "webapp")):
            found = container.inspect()
            assert found["Image"] == inspect("image", IMAGE.format(image))["Id"]
            given = set(found["Config"]["Env"]) - of_the_image(image)
            own = {word for word in given if word.startswith("LBDISC_")}
            assert own == ({f"LBDISC_BACKEND={self.backend}"} if self.backend != "file" else set())

    def test_any_order(self, engine: Engine) -> None:
        """Nodes before the balancer, that before the registry; then all are stopped."""
        with Site(engine, backend(self.backend)) as late:
            late.start_nodes(*BASE)
            late.start_balancer()
            late.start_traffic()
            late.start_registry()
            late.until_up(*BASE)
            late.until_served(50, *BASE)
            late.traffic.stop()
            assert late.losses() == []
            engine.stop(list(late.containers.values()), STOP)
            codes = {name: container.exit_code for name, container in late.containers.items()}
            # Java's way to end by SIGTERM is 143; 137 would be SIGKILL.
            assert codes.pop(late.backend.server, 0) in (0, 143)
            assert codes == {"ha": 0, "s1": 0, "s2": 0}


def heal(site: Site) -> None:
    """Registry, balancer and the shared nodes run and serve; no other node is there."""
    if in_order(site):
        tidy(site)
        return
    with site.apart.because("an earlier test has left it broken"):
        repair(site)
        tidy(site)


def in_order(site: Site) -> bool:
    """Whether all that is shared runs, in its network."""
    if not set(BASE) <= set(site.nodes):
        return False
    shared = [site.balancer, *(site.nodes[name] for name in BASE)]
    shared += [site.registry] if site.registry is not None else []
    return all(container.running and container.address for container in shared)


def repair(site: Site) -> None:
    """Start and connect what is shared, as far as it is not."""
    for container in (site.registry, site.balancer):
        if container is not None and not container.running:
            container.start()
    for name in BASE:
        if name in site.nodes and not site.nodes[name].running:
            site.forget_nodes(name)
        if name not in site.nodes:
            site.start_nodes(name)
    for container in (site.balancer, *(site.nodes[name] for name in BASE)):
        if not container.address:
            container.connect()


def tidy(site: Site) -> None:
    """Away with all other nodes."""
    extra = [name for name in site.nodes if name not in BASE]
    site.stop_nodes(*(name for name in extra if site.nodes[name].running))
    site.forget_nodes(*extra)
    site.until_up(*BASE)


def of_the_image(name: str) -> set[str]:
    """The environment that an image of ours gives each container."""
    return set(inspect("image", IMAGE.format(name))["Config"]["Env"])
