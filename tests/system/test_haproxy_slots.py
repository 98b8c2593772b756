"""The servers of a `server-template` have the names that lbdisc expects of them."""

import pytest

from lbdisc.haproxy.language.text import parse
from lbdisc.haproxy.verify import differences
from support.haproxies import VERSIONS, place


@pytest.mark.parametrize("version", VERSIONS)
def test_a_templates_servers_are_those_that_haproxy_makes(version: str) -> None:
    with place(version) as here:
        text = here.text(
            "backend from\n  server-template a 3 127.0.0.1:9\n"
            "  server-template b- 7-9 127.0.0.1:9\n  server a 127.0.0.1:9\n"
        )
        model = parse(text)
        with here.running(text) as running:
            states = running.runtime.servers()
            assert {row.key for row in states} == {*model.slots, ("from", "a")}
            assert differences(model, states) == ()
