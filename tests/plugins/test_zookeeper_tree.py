"""What the plugin makes of the nodes it has read; no server is needed."""

import pytest

from lbdisc import records
from lbdisc.values import Endpoint
from lbdisc_zookeeper.tree import Tree

READY = Endpoint(service="web", name="a", address="10.0.0.1", port=80)
RECORD = records.write(READY).encode()


def _tree(root: str = "/lbdisc") -> Tree:
    def parse(record: bytes, service: str, name: str) -> Endpoint:
        return records.read(record, service=service, name=name)

    return Tree(root, parse)


def _with_a() -> Tree:
    tree = _tree()
    tree.list_services(["web"])
    tree.list_names("web", ["a"])
    tree.put("web", "a", RECORD)
    return tree


def test_listed_but_unread_node_is_not_in_the_snapshot() -> None:
    tree = _tree()
    tree.list_services(["web"])
    assert tree.list_names("web", ["a"]) == ["/lbdisc/web/a"]
    assert tree.snapshot().endpoints == ()


def test_read_node_is_an_endpoint() -> None:
    assert _with_a().snapshot().endpoints == (READY,)


def test_only_new_names_are_to_be_read() -> None:
    assert _with_a().list_names("web", ["a", "b"]) == ["/lbdisc/web/b"]


def test_node_that_vanishes_did_not_leave_cleanly() -> None:
    tree = _with_a()
    tree.list_names("web", [])
    assert tree.snapshot().endpoints == ()
    assert tree.take_left() == []


def test_draining_node_that_vanishes_left_cleanly() -> None:
    tree = _with_a()
    tree.put("web", "a", records.write(READY.drain()).encode())
    tree.list_names("web", [])
    assert tree.take_left() == [READY.drain()]


def test_node_gone_right_after_a_change_left_cleanly() -> None:
    tree = _with_a()
    tree.drop("web", "a", {"/lbdisc/web/a"})
    assert tree.take_left() == [READY.drain()]
    assert tree.take_left() == []


def test_node_that_changed_and_is_not_listed_any_more_left_cleanly() -> None:
    tree = _with_a()
    tree.list_names("web", [], {"/lbdisc/web/a"})
    assert tree.take_left() == [READY.drain()]


def test_node_that_changed_and_went_with_its_service_left_cleanly() -> None:
    tree = _with_a()
    tree.list_services([], {"/lbdisc/web/a"})
    assert tree.take_left() == [READY.drain()]


def test_node_that_came_back_has_not_left() -> None:
    tree = _with_a()
    tree.drop("web", "a", {"/lbdisc/web/a"})
    tree.put("web", "a", RECORD)
    assert tree.take_left() == []


def test_vanished_service_takes_its_nodes_along() -> None:
    tree = _with_a()
    tree.list_services([])
    assert tree.snapshot().endpoints == ()


@pytest.mark.parametrize("name", ["a b", ";add", "-a", "ä"])
def test_bad_name_is_a_problem_until_it_is_gone(name: str) -> None:
    tree = _with_a()
    tree.list_names("web", ["a", name])
    said = name.replace("ä", r"\xe4")
    assert [problem.where for problem in tree.snapshot().problems] == [f"/lbdisc/web/{said}"]
    tree.list_names("web", ["a"])
    assert tree.snapshot().problems == ()


def test_unprintable_name_is_escaped_in_its_problem() -> None:
    tree = _with_a()
    tree.list_names("web", ["a\u2028b"])
    assert [problem.where for problem in tree.snapshot().problems] == ["/lbdisc/web/a\\u2028b"]


def test_bad_record_is_a_problem_and_the_others_stay() -> None:
    tree = _with_a()
    tree.put("web", "b", b"{")
    assert tree.snapshot().endpoints == (READY,)
    assert [problem.where for problem in tree.snapshot().problems] == ["/lbdisc/web/b"]


def test_problems_of_a_service_end_with_it() -> None:
    tree = _with_a()
    tree.list_names("web", ["-"])
    tree.list_services(["-"])
    assert [problem.where for problem in tree.snapshot().problems] == ["/lbdisc/-"]


def test_own_node_of_zookeeper_is_no_service() -> None:
    assert _tree("").list_services(["web", "zookeeper"]) == ["web"]


@pytest.mark.parametrize(
    ("path", "place"),
    [("/lbdisc", None), ("/lbdisc/web", ("web", "")), ("/lbdisc/web/a", ("web", "a"))],
)
def test_path_is_split_into_service_and_name(path: str, place: tuple[str, str] | None) -> None:
    assert _tree().split(path) == place


def test_root_is_split_too() -> None:
    assert _tree("").split("/") is None
    assert _tree("").split("/web/a") == ("web", "a")
