"""Runtime commands must end where a fresh start on the candidate file would."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, event, given, seed, settings
from hypothesis import strategies as st

from lbdisc.errors import CheckError
from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.planning.plan import InMaintenance, plan
from lbdisc.haproxy.process.program import check_config
from lbdisc.haproxy.sockets import commands as cmd
from lbdisc.haproxy.verify import differences
from lbdisc.haproxy.versions import Features
from lbdisc.testing.waiting import eventually
from support.haproxies import VERSIONS, Place, Running, listener, place
from support.odd_texts import ODDITIES, SPELLINGS, Draft, Words, spelt

# Of each proxy; LBDISC_PLAN_EXAMPLES=300 looks further, at other examples each time.
FURTHER = os.environ.get("LBDISC_PLAN_EXAMPLES", "")
EXAMPLES = int(FURTHER or "6")
NAMES = ("s1", "s2", "s3", "s4", "s-5.x", "s:6")
PROXIES = {
    "web": "balance roundrobin\ndefault-server inter 200ms fall 5 {check}",
    "hashed": "balance uri\nhash-type consistent",
    "sticky": "balance leastconn\ncookie SRV insert dynamic\ndynamic-cookie-key k",
    "tcp": "mode tcp",
    "slots": "balance source\ndefault-server inter 500ms {check}",
    "first": "balance first",
}
NUMBERED = ("hashed", "first")
EXTRAS = (
    *("", "", "maxconn 9", "backup", "rise 3 maxqueue 4", "no-check", "enabled check inter 200ms"),
    *("on-marked-down shutdown-sessions", "on-marked-up shutdown-backup-sessions"),
    *("send-proxy-v2 slowstart 1s", "ssl verify none sni str(a.example)", "minconn 2 maxconn 9"),
)
SERVER = st.tuples(
    st.sampled_from(("127.0.0.1", "127.0.0.2", "[::1]")),
    st.sampled_from((7001, 7002)),
    st.sampled_from((0, 1, 100, 256)),
    st.sampled_from(("", "", "disabled")),
)
Pool = Mapping[str, tuple[str, int, int, str]]


@dataclass(frozen=True)
class Step:
    """One configuration on the way: its servers, what is odd in it, and how its lines are spelt."""

    pool: Pool
    odd: str
    other: Mapping[str, str]  # keywords that changed since the first
    spellings: tuple[int, ...]


STEP = st.builds(
    Step,
    pool=st.dictionaries(st.sampled_from(NAMES), SERVER, max_size=6),
    odd=st.one_of(st.just(""), st.just(""), st.just(""), st.sampled_from(tuple(ODDITIES))),
    other=st.one_of(
        st.just({}), st.just({}), st.dictionaries(st.sampled_from(NAMES), st.sampled_from(EXTRAS))
    ),
    spellings=st.one_of(
        st.just((0,)),
        st.lists(st.integers(0, len(SPELLINGS) - 1), min_size=1, max_size=7).map(tuple),
    ),
)
STEPS = st.lists(STEP, min_size=2, max_size=5)
KEYWORDS = st.fixed_dictionaries(dict.fromkeys(NAMES, st.sampled_from(EXTRAS)))
# What the plan does not look into: other words are another meaning.
UNREAD = {"two servers of one name", "a condition", "a variable"}
REFUSED = {"two servers of one name"}
# What is odd all the way, so that servers change beside it.
STAYS = st.one_of(st.just(""), st.sampled_from(tuple(ODDITIES)))


class Pair:
    """A HAProxy that is led by plans, and one that is reloaded to compare with."""

    def __init__(self, place: Place, led: Running, fresh: Running, port: int) -> None:
        self.place, self.led, self.fresh, self.port = place, led, fresh, port
        self.features: Features = led.runtime.features()
        self.ways: Counter[str] = Counter()

    def draft(self, proxy: str, step: Step, extras: Mapping[str, str], stays: str) -> list[Words]:
        check = f"check addr 127.0.0.1 port {self.port}"
        lines = PROXIES[proxy].format(check=check).splitlines()
        draft = Draft(("backend", proxy), [tuple(line.split()) for line in lines], [])
        for server, (address, port, weight, state) in sorted(step.pool.items()):
            number = f"id {NAMES.index(server) + 1}" if proxy in NUMBERED else ""
            # A static balance fixes weights, and slots stay.
            given = "" if proxy == "slots" else f"weight {weight}"
            words = f"{given} {number} {state} {step.other.get(server, extras[server])}"
            draft.servers.append(("server", server, f"{address}:{port}", *words.split()))
        for odd in {stays, step.odd} - {""}:
            ODDITIES[odd](draft)
        return draft.words

    def check(self, proxy: str, steps: list[Step], extras: Mapping[str, str], stays: str) -> None:
        """Lead one HAProxy through ``steps``, and reload the other at each."""
        running = ""
        in_maintenance: InMaintenance = {}
        for step in steps:
            words = self.draft(proxy, step, extras, stays)
            candidate = self.place.text(spelt(words, step.spellings), name="led")
            if not self.accepts(candidate):
                self.ways["refused"] += 1
                continue
            if not {stays, step.odd} & UNREAD:
                plain = self.place.text(spelt(words, (0,)), name="led")
                assert plan(candidate, plain).how in ("nothing", "written"), candidate
            if not running:
                self.led.reload(candidate)
            else:
                in_maintenance = self.lead(running, candidate, in_maintenance)
                self.fresh.reload(self.place.text(spelt(words, (0,)), name="fresh"))
                self.compare(candidate)
            running = candidate

    def accepts(self, text: str) -> bool:
        """Whether ``haproxy -c`` takes it: nothing else is ever applied."""
        try:
            check_config(self.place.binary, self.place.write(text, "candidate.cfg"))
        except CheckError:
            return False
        return True

    def lead(self, running: str, candidate: str, in_maintenance: InMaintenance) -> InMaintenance:
        way = plan(running, candidate, features=self.features, in_maintenance=in_maintenance)
        self.ways[way.how] += 1
        if way.how == "reload":
            assert all(way.reasons), way
            assert way.reasons
            self.led.reload(candidate)
        else:
            self.led.runtime.run(way.commands)
            # Nobody has a session on those that wait for their last one.
            self.led.runtime.run([cmd.SetState(*key, "maint") for key in way.leaving])
        return way.in_maintenance

    def compare(self, candidate: str) -> None:
        eventually(partial(self._agree, candidate), deadline=10, what=f"the same as of {candidate}")
        assert differences(parse(candidate), self.led.runtime.servers()) == (), candidate

    def _agree(self, candidate: str) -> bool:
        # Health settles with the first checks after a start.
        led, fresh = self.led.servers(candidate), self.fresh.servers(candidate)
        assert led.keys() == fresh.keys(), (sorted(led), sorted(fresh))
        differing = [
            f"{key} {field}: {value} instead of {fresh[key][field]}"
            for key, fields in led.items()
            for field, value in fields.items()
            if value != fresh[key][field]
        ]
        assert not differing, differing
        return True


@pytest.fixture(scope="module", params=VERSIONS)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    with place(request.param) as here, listener() as port:
        text = here.text("backend web\n", name="led")
        other = here.text("backend web\n", name="fresh")
        with (
            here.running(text, name="led") as led,
            here.running(other, name="fresh") as fresh,
        ):
            yield Pair(here, led, fresh, port)


@pytest.mark.timeout(300 + 10 * EXAMPLES)  # every example starts several workers
@pytest.mark.parametrize("proxy", PROXIES)
def test_commands_end_where_a_fresh_start_would(pair: Pair, proxy: str) -> None:
    @given(steps=STEPS, extras=KEYWORDS, stays=STAYS)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # shrinking would start thousands
        suppress_health_check=[HealthCheck.too_slow],
    )
    def every_example(steps: list[Step], extras: dict[str, str], stays: str) -> None:
        if proxy == "slots":
            slots = steps[0].pool
            pools = [{name: step.pool.get(name, slots[name]) for name in slots} for step in steps]
            steps = [replace(step, pool=pool) for step, pool in zip(steps, pools, strict=True)]
        before = pair.ways.copy()
        pair.check(proxy, steps, extras, stays)
        for way in pair.ways - before:
            event(way)

    pair.ways.clear()
    (every_example if FURTHER else seed(proxy)(every_example))()
    assert pair.ways["runtime"] > 0
    assert pair.ways["reload"] > 0


@pytest.mark.parametrize("odd", ODDITIES)
def test_what_is_odd_may_come_and_stay_while_servers_change(pair: Pair, odd: str) -> None:
    one = {"s1": ("127.0.0.1", 7001, 1, ""), "s2": ("127.0.0.2", 7002, 100, "")}
    two = {"s2": ("127.0.0.2", 7001, 9, ""), "s4": ("127.0.0.1", 7002, 100, "")}
    ways = [(one, ""), (one, odd), (two, odd)]
    steps = [Step(pool, name, {}, (0, 2, 6)) for pool, name in ways]
    pair.ways.clear()
    pair.check("sticky", steps, dict.fromkeys(NAMES, ""), "")
    assert (pair.ways["refused"] > 0) == (odd in REFUSED)


def test_a_ring_is_that_of_a_fresh_start(pair: Pair) -> None:
    """Consistent hashing goes by ids: a start gives them by place, `add server` as they come."""
    lines = [("backend", "b"), ("balance", "uri"), ("hash-type", "consistent")]
    servers = [("server", name, "127.0.0.1:7001") for name in ("s1", "s2", "s3")]
    running = pair.place.text(spelt([*lines, servers[0], servers[2]], (0,)), name="led")
    candidate = pair.place.text(spelt([*lines, *servers], (0,)), name="led")
    pair.led.reload(running)
    pair.lead(running, candidate, {})
    pair.fresh.reload(candidate.replace("led.sock", "fresh.sock"))
    led, fresh = ({s.server: s.id for s in p.runtime.servers()} for p in (pair.led, pair.fresh))
    assert led == fresh
