"""What the reloader plans; what it does to a HAProxy is in tests/system."""

from pathlib import Path

import pytest

from lbdisc import Rendered
from lbdisc.haproxy.errors import Unreachable
from lbdisc.haproxy.reloader import HaproxyReloader
from lbdisc.haproxy.settings import HaproxySettings
from lbdisc.planned import AtRuntime, How, Nothing, Reload, Start

SERVERS = "backend b\n  server a 10.0.0.1:80\n"
SOCKET = "global\n  stats socket /run/none.sock level admin\n"


def reloader(*, runtime: bool = True) -> HaproxyReloader:
    return HaproxyReloader(HaproxySettings(master_socket="/run/none", runtime=runtime))


def way(made: HaproxyReloader, running: str, candidate: str) -> How:
    return made.plan(Path("haproxy.cfg"), Rendered(running), Rendered(candidate)).how


def test_without_an_admin_socket_every_change_is_a_reload() -> None:
    found = way(reloader(), SERVERS, f"{SERVERS}  server c 10.0.0.2:80\n")
    assert found == Reload("the configuration has no 'stats socket' of level admin")


def test_a_plan_before_anything_was_applied_goes_by_the_texts() -> None:
    found = way(reloader(), SOCKET + SERVERS, f"{SOCKET}{SERVERS}  server c 10.0.0.2:80\n")
    assert isinstance(found, AtRuntime)


def test_equal_texts_need_nothing_whatever_the_settings() -> None:
    assert way(reloader(runtime=False), SERVERS, SERVERS) == Nothing()


def test_a_file_that_changed_is_a_reload_and_named() -> None:
    old = Rendered(SOCKET + SERVERS, (("a.map", "x y"), ("b.map", "x y")))
    new = Rendered(SOCKET + SERVERS, (("a.map", "x z"),))
    planned = reloader().plan(Path("haproxy.cfg"), old, new)
    assert planned.how == Reload("file a.map: changed (and 1 more)")


def test_where_nothing_is_known_it_is_a_start() -> None:
    assert isinstance(reloader().plan(Path("x.cfg"), None, Rendered(SERVERS)).how, Start)


def test_a_failed_apply_makes_the_next_change_wait_for_a_reload(tmp_path: Path) -> None:
    attached = HaproxyReloader(HaproxySettings(master_socket="/run/none", mode="attached"))
    first = attached.plan(tmp_path / "haproxy.cfg", None, Rendered(SOCKET + SERVERS))
    with pytest.raises(Unreachable, match="no HAProxy answers"):
        attached.apply(first)
    found = way(attached, SOCKET + SERVERS, f"{SOCKET}{SERVERS}  server c 10.0.0.2:80\n")
    assert found == Reload("what runs is not known")
