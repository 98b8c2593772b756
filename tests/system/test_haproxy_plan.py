"""Runtime commands must end where a fresh start on the candidate file would."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest
from haproxies import VERSIONS, Place, Running, listener, place
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lbdisc.haproxy.plan import Parked, plan
from lbdisc.haproxy.socket import Features
from lbdisc.haproxy.state import differences
from lbdisc.haproxy.text import parse
from lbdisc.testing.waiting import eventually

NAMES = tuple(f"s{number}" for number in range(1, 7))
PROXIES = {
    "web": "  balance roundrobin\n  default-server inter 200ms fall 5 {check}\n",
    "hashed": "  balance uri\n  hash-type consistent\n",
    "sticky": "  balance leastconn\n  cookie SRV insert dynamic\n  dynamic-cookie-key k\n",
    "tcp": "  mode tcp\n",
    "slots": "  balance source\n  default-server {check}\n",
}
EXTRAS = (
    *("", "", "maxconn 9", "backup", "rise 3 maxqueue 4", "no-check", "enabled check inter 200ms"),
    *("send-proxy-v2 slowstart 1s", "ssl verify none sni str(a.example)", "minconn 2 maxconn 9"),
)
SERVER = st.tuples(
    st.sampled_from(("127.0.0.1", "127.0.0.2", "[::1]")),
    st.sampled_from((7001, 7002)),
    st.sampled_from((0, 1, 100, 256)),
    st.sampled_from(("", "", "disabled")),
)
Pool = dict[str, tuple[str, int, int, str]]
POOL = st.dictionaries(st.sampled_from(NAMES), SERVER, max_size=6)
POOLS = st.lists(POOL, min_size=2, max_size=5)
KEYWORDS = st.fixed_dictionaries(dict.fromkeys(NAMES, st.sampled_from(EXTRAS)))


class Pair:
    """A HAProxy that is led by plans, and one that is reloaded to compare with."""

    def __init__(self, place: Place, led: Running, fresh: Running, port: int) -> None:
        self.place, self.led, self.fresh, self.port = place, led, fresh, port
        self.features: Features = led.runtime.features()
        self.ways: Counter[str] = Counter()

    def text(self, proxy: str, pool: Pool, extras: dict[str, str], *, name: str = "led") -> str:
        check = f"check addr 127.0.0.1 port {self.port}"
        body = f"backend {proxy}\n{PROXIES[proxy].format(check=check)}"
        for server, (address, port, weight, state) in sorted(pool.items()):
            number = f"id {int(server[1:])}" if proxy == "hashed" else ""
            # A static balance fixes weights, and slots stay.
            given = "" if proxy == "slots" else f"weight {weight}"
            words = f"{given} {number} {state} {extras[server]}"
            body += f"  server {server} {address}:{port} {words}\n"
        return self.place.text(body, name=name)

    def check(self, proxy: str, pools: list[Pool], extras: dict[str, str]) -> None:
        """Lead one HAProxy through ``pools``, and reload the other at each step."""
        running = self.text(proxy, pools[0], extras)
        self.led.reload(running)
        parked: Parked = {}
        for pool in pools[1:]:
            candidate = self.text(proxy, pool, extras)
            way = plan(running, candidate, features=self.features, parked=parked)
            self.ways[way.how] += 1
            if way.how == "reload":
                self.led.reload(candidate)
            else:
                self.led.runtime.run(way.commands)
            self.fresh.reload(self.text(proxy, pool, extras, name="fresh"))
            eventually(partial(self._agree, candidate), deadline=10, what=f"{way.detail}: the same")
            assert differences(parse(candidate), self.led.runtime.servers()) == ()
            running, parked = candidate, way.parked

    def _agree(self, candidate: str) -> bool:
        # Health settles with the first checks after a start.
        led, fresh = self.led.servers(candidate), self.fresh.servers(candidate)
        assert led.keys() == fresh.keys()
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


@pytest.mark.timeout(300)  # every example starts several workers
@pytest.mark.parametrize("proxy", PROXIES)
def test_commands_end_where_a_fresh_start_would(pair: Pair, proxy: str) -> None:
    @given(pools=POOLS, extras=KEYWORDS)
    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],  # shrinking would start thousands
        suppress_health_check=[HealthCheck.too_slow],
    )
    def every_example(pools: list[Pool], extras: dict[str, str]) -> None:
        if proxy == "slots":
            pools = [pools[0]] + [
                {name: pool.get(name, server) for name, server in pools[0].items()}
                for pool in pools[1:]
            ]
        pair.check(proxy, pools, extras)

    pair.ways.clear()
    every_example()
    assert pair.ways["runtime"] > 0
