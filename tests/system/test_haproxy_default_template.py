"""The default template on each version of HAProxy: valid, without a warning, whatever is set."""

from collections.abc import Iterator
from typing import Any

import pytest

from lbdisc import Endpoint, Snapshot
from lbdisc.builtin.jinja2.renderer import JinjaRenderer, JinjaSettings
from lbdisc.haproxy.process.program import check_config
from support.haproxies import VERSIONS, Place, free_port, place


@pytest.fixture(params=VERSIONS)
def here(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        yield found


def rendered(here: Place, names: tuple[str, ...], **variables: Any) -> str:
    known = {"http_bind": f"127.0.0.1:{free_port()}", "stats_bind": f"127.0.0.1:{free_port()}"}
    made = JinjaRenderer(
        JinjaSettings(
            services=names,
            state_dir=here.folder,
            vars={**known, "cli_bind": f"127.0.0.1:{free_port()}", **variables},
        )
    )
    nodes = [Endpoint(service=name, name="s1", address="127.0.0.1", port=9) for name in names]
    return made.render(Snapshot.of(nodes)).text


def warnings(here: Place, text: str) -> tuple[str, ...]:
    here.write("1\n", "haproxy.state")
    return check_config(here.binary, here.write(text))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"stats_bind": "", "cli_bind": "", "ready_uri": "/ready"},
        {"log": "stdout format raw daemon", "maxconn": 100, "user": "nobody", "group": "nogroup"},
        {"balance": "leastconn", "cookie": "SRV", "check": "GET /health"},
        {"services": {"web": {"path": "/web", "balance": "random", "cookie": "W", "check": "/"}}},
    ],
    ids=lambda variables: ",".join(variables) or "none",
)
def test_it_has_no_warning(here: Place, variables: dict[str, Any]) -> None:
    assert warnings(here, rendered(here, ("nodes", "web"), **variables)) == ()


def test_services_may_be_called_like_its_frontends(here: Place) -> None:
    text = rendered(here, ("stats", "localnodes"))
    assert warnings(here, text) == ()
    with here.running(text) as running:
        assert {"stats", "localnodes"} <= {row.proxy for row in running.runtime.servers()}
