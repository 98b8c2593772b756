"""Steps from one reading of the members to the next."""

from lbdisc.values import Snapshot
from lbdisc_serf.members import Member
from lbdisc_serf.settings import SerfSettings
from lbdisc_serf.view import View


class Steps:
    """A view and what each reading makes of it: for each snapshot the names, ``~`` if draining."""

    def __init__(self, window: float = 30.0) -> None:
        self.view = View(SerfSettings(rejoin_window=window))
        self.now = 0.0

    def read(self, *members: Member, fresh: bool = False) -> list[str]:
        snapshots = self.view.update(members, fresh=fresh, now=self.now)
        return [shown(snapshot) for snapshot in snapshots]


def shown(snapshot: Snapshot) -> str:
    return " ".join(("~" if e.draining else "") + e.name for e in snapshot.endpoints)


def node(name: str, status: str = "alive", **tags: str) -> Member:
    given = tags or {"role": "backend"}
    return Member(name=name, address="10.0.0.7", port=7946, status=status, tags=given)


def test_first_reading_is_published_even_if_empty() -> None:
    assert Steps().read(fresh=True) == [""]


def test_same_reading_is_published_once_for_each_connection() -> None:
    steps = Steps()
    assert steps.read(node("a"), fresh=True) == ["a"]
    assert steps.read(node("a")) == []
    assert steps.read(node("a"), fresh=True) == ["a"]


def test_left_drains_before_it_is_out() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    assert steps.read(node("a", "left"), node("b")) == ["~a b", "b"]


def test_leaving_drains_until_it_has_left() -> None:
    steps = Steps()
    steps.read(node("a"), fresh=True)
    assert steps.read(node("a", "leaving")) == ["~a"]
    assert steps.read(node("a", "left")) == [""]


def test_failed_is_out_at_once() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    assert steps.read(node("a", "failed"), node("b")) == ["b"]


def test_reaped_is_out_at_once() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    assert steps.read(node("b")) == ["b"]


def test_tag_taken_away_from_a_living_member_drains_first() -> None:
    steps = Steps()
    steps.read(node("a"), fresh=True)
    assert steps.read(node("a", role="other")) == ["~a", ""]


def test_tag_that_turns_bad_is_no_clean_leave() -> None:
    steps = Steps()
    steps.read(node("a", **{"lbdisc.web": "80"}), fresh=True)
    assert steps.read(node("a", **{"lbdisc.web": "80;"})) == [""]


def test_forgotten_by_a_restarted_agent_is_held() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    assert steps.read(node("c"), fresh=True) == ["a b c"]
    assert [member.name for member in steps.view.forgotten] == ["a", "b"]


def test_forgotten_is_out_when_the_window_is_over() -> None:
    steps = Steps(window=30)
    steps.read(node("a"), fresh=True)
    steps.read(fresh=True)
    steps.now = 29
    assert steps.read() == []
    steps.now = 31
    assert steps.read() == [""]
    assert steps.view.forgotten == ()


def test_every_restart_begins_a_new_window() -> None:
    steps = Steps(window=30)
    steps.read(node("a"), fresh=True)
    steps.read(fresh=True)
    steps.now = 29
    assert steps.read(fresh=True) == ["a"]
    steps.now = 31
    assert steps.read() == []


def test_forgotten_that_is_known_again_is_as_it_is() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), node("c"), fresh=True)
    steps.read(fresh=True)
    assert steps.read(node("a"), node("b", "failed"), node("c", "left")) == ["a ~c", "a"]
    assert steps.view.forgotten == ()


def test_problems_name_member_and_tag_and_change_is_published() -> None:
    view = View(SerfSettings())
    view.update([node("a", **{"lbdisc.web": "80"})], fresh=True, now=0)
    bad = [node("a", **{"lbdisc.web": "80"}), node("b\n", **{"lbdisc.web": "99999"})]
    (snapshot,) = view.update(bad, fresh=False, now=1)
    (problem,) = snapshot.problems
    assert problem.where == "'b\\n'/lbdisc.web"
