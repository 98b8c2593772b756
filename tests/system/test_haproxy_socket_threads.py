"""One connection for several threads."""

from concurrent.futures import ThreadPoolExecutor

from lbdisc.haproxy.sockets.commands import SetWeight
from support.haproxies import place

BODY = "backend b\n  server s0 127.0.0.1:9\n  server s1 127.0.0.1:9\n  server s2 127.0.0.1:9\n"


def test_threads_that_share_a_runtime_get_their_own_answers() -> None:
    with place("system") as here, here.running(here.text(BODY)) as running:
        runtime = running.runtime

        def work(number: int) -> list[str]:
            for weight in range(100):
                runtime.run([SetWeight("b", f"s{number}", weight)])
            return [row.server for row in runtime.servers_named("b", [f"s{number}"])]

        with ThreadPoolExecutor(3) as threads:
            assert list(threads.map(work, range(3))) == [["s0"], ["s1"], ["s2"]]
        assert {row.weight for row in runtime.servers("b")} == {99}
