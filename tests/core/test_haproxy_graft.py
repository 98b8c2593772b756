"""The servers of a text that cannot be loaded, in the one that runs."""

import pytest

from lbdisc.haproxy.planning.graft import grafted
from lbdisc.haproxy.planning.plan import plan
from lbdisc.haproxy.versions import Features

NEW = Features((3, 0, 11), wait=True)
OLD = """\
defaults
  mode http
backend web
  default-server inter 1s
  server a 10.0.0.1:80 check weight 5
  server b 10.0.0.2:80 check
  http-request deny if { path /x }
backend own
  server fixed 10.0.9.9:80
frontend f
  bind :80"""


def put(servers: str, *, more: str = "peers p\n  peer x 1.2.3.4:1\n") -> str:
    """What runs with these servers in `web`, of a text that has `more` as well."""
    new = f"{more}backend web\n  default-server inter 9s\n{servers}backend own\n"
    found = grafted(OLD, new + "  server fixed 10.0.9.9:80\n")
    assert found is not None
    return found


def test_who_comes_stands_behind_the_last_server_and_who_goes_is_gone() -> None:
    found = put("  server b 10.0.0.2:80 check\n  server c 10.0.0.3:80 check\n")
    assert found == OLD.replace(
        "  server a 10.0.0.1:80 check weight 5\n  server b 10.0.0.2:80 check\n",
        "  server b 10.0.0.2:80 check\n  server c 10.0.0.3:80 check\n",
    )


@pytest.mark.parametrize(
    "line",
    [
        "a 10.0.0.1:80 check weight 0",
        "a 10.0.0.7:81 check weight 5",
        "a 10.0.0.1:80 check disabled",
    ],
)
def test_weight_address_and_state_are_taken_over(line: str) -> None:
    found = put(f"  server {line}\n  server b 10.0.0.2:80 check\n")
    assert f"\n  server {line}\n" in found
    assert plan(OLD, found, features=NEW).how == "runtime"


def test_what_else_changed_of_a_server_that_stays_is_not() -> None:
    found = put("  server a 10.0.0.1:80 check ssl verify none weight 0\n")
    assert "    server a 10.0.0.1:80 check weight 0\n" in found
    assert plan(OLD, found, features=NEW).how == "runtime"


def test_words_that_need_quotes_keep_their_meaning() -> None:
    old = 'backend web\n  server a 10.0.0.1:80 sni "str(a b)" weight 5 check'
    new = "backend web\n  server a 10.0.0.1:80 weight 7"
    found = grafted(old, new)
    assert found is not None
    assert plan(old, found).how == "runtime"


def test_proxies_that_only_one_of_them_has_stay_out_of_it() -> None:
    assert grafted(OLD, "backend other\n  server x 10.0.0.1:80\n") == OLD


def test_a_proxy_without_servers_gets_its_first() -> None:
    found = grafted("backend web\n  mode http\n\nfrontend f", "backend web\n  server a 10.0.0.1:80")
    assert found == "backend web\n  mode http\n  server a 10.0.0.1:80\n\nfrontend f"


def test_nothing_is_certain_with_conditions() -> None:
    assert grafted(f".if defined(X)\nbackend x\n.endif\n{OLD}", OLD) is None
