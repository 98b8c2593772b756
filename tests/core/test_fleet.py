"""Agents that agree and agents that do not: by what each says of itself."""

import time
from pathlib import Path

import pytest

from lbdisc import Change, Endpoint, Rendered, Snapshot
from lbdisc.agent.digesting import PACE, SETTLE, Digesting, fingerprint
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.cli.agreement import Agreement
from lbdisc.fleet import LIMIT, Difference, Digest, differences
from lbdisc.generation import Generation
from lbdisc.handshake import Announcement
from lbdisc.settings.tables import CoreSettings, GuardSettings

NOW = 1_800_000_000
CORE = CoreSettings()


def lb(
    name: str,
    listed: str = "L",
    *,
    age: int = 100,
    services: tuple[str, ...] = ("web",),
    **parts: str,
) -> Announcement:
    said = {"settings": "S", "version": "1", **parts}
    return Announcement(
        name=name, services=services, digest=Digest(listed=listed, since=NOW - age, **said)
    )


def found(*agents: Announcement) -> dict[str, Difference]:
    return {difference.agent: difference for difference in differences(agents, NOW)}


def test_a_digest_is_short_and_read_as_it_was_written() -> None:
    digest = Digest(listed="ab-_9", settings="xyzab", version="0.1.0", since=NOW)
    assert len(str(digest)) <= 27
    assert Digest.read(str(digest)) == digest


@pytest.mark.parametrize("text", ["", "x", "a.b", "a.b.!!.c", "a.b..c"])
def test_what_is_no_digest_is_none(text: str) -> None:
    assert Digest.read(text) is None


def test_equal_agents_agree_however_long_each_has_been_so() -> None:
    assert found(lb("lb1"), lb("lb2", age=5)) == {}


@pytest.mark.parametrize("part", ["settings", "version", "list", "services"])
def test_the_one_that_differs_from_most_is_named(part: str) -> None:
    odd = {
        "settings": lb("lb3", settings="T"),
        "version": lb("lb3", version="2"),
        "list": lb("lb3", "M"),
        "services": lb("lb3", services=("web", "api")),
    }[part]
    assert {n: d.parts for n, d in found(lb("lb1"), lb("lb2"), odd).items()} == {"lb3": (part,)}


def test_of_two_both_differ() -> None:
    assert set(found(lb("lb1"), lb("lb2", "M"))) == {"lb1", "lb2"}


def test_agents_without_a_common_service_are_not_compared() -> None:
    assert found(lb("lb1"), lb("lb2", "M", services=("api",))) == {}


def test_agents_that_share_services_through_others_are_one_fleet() -> None:
    ends = lb("lb1", services=("web",)), lb("lb2", services=("api",), settings="T")
    between = lb("lb3", services=("api", "web"))
    assert "settings" in found(*ends, between)["lb2"].parts
    assert found(*ends) == {}


def test_ten_thousand_made_up_agents_are_compared_in_a_moment() -> None:
    made_up = [lb(f"z{n}", str(n), services=(f"s{n}", f"s{n % 100}")) for n in range(10_000)]
    assert len(found(*made_up)) == 10_000


def test_one_that_says_nothing_of_itself_differs() -> None:
    silent = Announcement(name="lb2", services=("web",))
    assert found(lb("lb1"), silent)["lb2"].parts == ("digest",)
    assert found(silent) == {}


def test_a_difference_is_as_old_as_what_brought_it_about() -> None:
    moved = (lb("lb1", "M", age=3), lb("lb2", "M", age=2))
    assert found(*moved, lb("lb3", age=5000))["lb3"].seconds == 3
    assert found(lb("lb1"), lb("lb2"), lb("lb3", "M", age=7))["lb3"].seconds == 7


def nodes(*names: str) -> Snapshot:
    return Snapshot.of(
        Endpoint(service="web", name=name, address="10.0.0.1", port=80) for name in names
    )


class Digests:
    """A digesting, and the clock that it goes by."""

    def __init__(self) -> None:
        self.now = 0.0
        self.digesting = Digesting(clock=lambda: self.now, wall=lambda: NOW + self.now)

    def look(self, running: Generation, settings: str = "S") -> Digest | None:
        return self.digesting.look(running, settings)


def generation(*names: str) -> Generation:
    return Generation(number=1, snapshot=nodes(*names), rendered=Rendered(""), change=Change())


def test_the_first_digest_is_there_at_once_and_a_change_is_told_a_little_later() -> None:
    digests, first, second = Digests(), generation("a"), generation("a", "b")
    before = digests.look(first)
    digests.now = 1000.0
    assert digests.look(first) is None
    assert digests.look(second) is None
    digests.now += 2 * SETTLE
    after = digests.look(second)
    assert before is not None
    assert after is not None
    assert after.listed != before.listed
    assert after.since == NOW + 1000


def test_constant_change_is_told_seldom() -> None:
    digests, told = Digests(), 0
    for step in range(1000):
        digests.now = step / 10
        told += digests.look(generation(f"n{step}")) is not None
    assert 8 <= told <= 100 / PACE + 1


def test_what_comes_and_goes_again_is_not_told() -> None:
    digests, first = Digests(), generation("a")
    digests.look(first)
    digests.now = 100.0
    digests.look(generation("a", "b"))
    again = generation("a")
    digests.look(again)
    digests.now += PACE
    assert digests.look(again) is None


def test_templates_and_the_guard_make_the_fingerprint_and_variables_do_not(tmp_path: Path) -> None:
    template, part = tmp_path / "lb.j2", tmp_path / "part.j2"

    def of(core: CoreSettings = CORE, **variables: str) -> str:
        settings = JinjaSettings(template=template, services=("web",), vars=variables)
        return fingerprint(core, JinjaRenderer(settings))

    template.write_text("{% include 'part.j2' %}")
    part.write_text("one")
    before = of()
    assert of(bind="10.0.0.1") == before
    assert of(CoreSettings(guard=GuardSettings(max_loss=0.1))) != before
    part.write_text("two")
    assert of() != before


def entries(*agents: Announcement) -> Snapshot:
    return Snapshot.of(agent.endpoint("10.0.0.9") for agent in agents)


def old(name: str, listed: str, *, age: float = 3600.0) -> Announcement:

    digest = Digest(listed=listed, settings="S", version="1", since=int(time.time() - age))
    return Announcement(name=name, services=("web",), digest=digest)


def test_agreement_and_an_old_difference_are_known_at_once() -> None:
    agreement = Agreement()
    agreement.look(entries(old("lb1", "L"), old("lb2", "L", age=1)))
    assert (agreement.known.is_set(), agreement.broken) == (True, False)
    agreement = Agreement()
    agreement.look(entries(old("lb1", "L"), old("lb2", "M", age=LIMIT + 1)))
    assert (agreement.known.is_set(), agreement.broken) == (True, True)


def test_a_young_difference_is_watched_until_it_is_gone() -> None:
    agreement = Agreement()
    agreement.look(entries(old("lb1", "L"), old("lb2", "M", age=1)))
    assert not agreement.known.is_set()
    agreement.look(entries(old("lb1", "M", age=0), old("lb2", "M", age=1)))
    assert (agreement.known.is_set(), agreement.broken) == (True, False)


def test_one_that_stays_while_the_others_move_is_found() -> None:
    agreement = Agreement()
    agreement.look(entries(old("lb1", "L"), old("lb2", "M", age=LIMIT - 1.5)))
    agreement.look(entries(old("lb1", "L"), old("lb2", "N", age=0)))
    assert agreement.known.wait(5)
    assert agreement.broken


def test_agents_that_all_move_are_let_be() -> None:
    agreement = Agreement()
    agreement.look(entries(old("lb1", "L"), old("lb2", "M", age=LIMIT - 1.5)))
    agreement.look(entries(old("lb1", "O", age=0), old("lb2", "N", age=0)))
    assert agreement.known.wait(5)
    assert not agreement.broken


@pytest.mark.parametrize("since", ["z" * 300, "z" * 900, "-z", " 1", "1_0", "", "٣"])
def test_a_time_that_cannot_be_compared_is_no_digest(since: str) -> None:
    assert Digest.read(f"a.b.{since}.v") is None
