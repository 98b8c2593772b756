"""Agents of a registry are told when they are others, or say something else."""

from lbdisc import Endpoint, Snapshot, events
from lbdisc.agent.fleet_looks import FleetLooks
from lbdisc.events import FleetAgent, FleetSeen
from lbdisc.fleet import Digest
from lbdisc.handshake import Announcement, begun, token

NOW = 1_800_000_000.0
WEB = Endpoint(service="web", name="w1", address="10.0.0.1", port=80)


def lb(name: str, listed: str = "L", *drained: str) -> Endpoint:
    digest = Digest(listed=listed, settings="S", version="1.0", since=int(NOW) - 60)
    said = Announcement(name=name, services=("web",), drained=drained, digest=digest)
    return said.endpoint("10.0.0.9")


class Scene:
    """What was told, after each look at what was published."""

    def __init__(self) -> None:
        self.told: list[events.Event] = []
        self.looks = FleetLooks(self.told.append)

    def look(self, *endpoints: Endpoint) -> None:
        self.looks.look(Snapshot.of(endpoints), NOW)

    @property
    def agents(self) -> tuple[FleetAgent, ...]:
        last = self.told[-1]
        assert isinstance(last, FleetSeen)
        return last.agents


def test_the_same_agents_are_told_of_once() -> None:
    scene = Scene()
    scene.look(lb("lb1"))
    scene.look(lb("lb1"), WEB)
    assert [agent.agent for agent in scene.agents] == ["lb1"]
    assert len(scene.told) == 1


def test_who_lists_something_else_is_named_since_when() -> None:
    scene = Scene()
    scene.look(lb("lb1"), lb("lb2"), lb("lb3", "M"))
    odd = {agent.agent: (agent.differs, agent.since) for agent in scene.agents}
    assert odd == {"lb1": ((), 0.0), "lb2": ((), 0.0), "lb3": (("list",), NOW - 60)}


def test_who_still_sends_to_a_node_that_drains_is_waited_for() -> None:
    scene, leaving = Scene(), begun(WEB, "abcd")
    scene.look(lb("lb1", "L", token(leaving)), lb("lb2"), leaving)
    assert [agent.waits for agent in scene.agents] == [(), (("web", "w1"),)]
