"""Steps from one reading of the members to the next, and what is believed of them."""

from lbdisc.values import Problem, Snapshot
from lbdisc_serf.contact import Contact
from lbdisc_serf.members import Member
from lbdisc_serf.settings import SerfSettings
from lbdisc_serf.view import View, read

OTHER_KEY = "No installed keys could decrypt the message"


class Steps:
    """A view and what each reading makes of it: for each snapshot the names, ``~`` if draining.

    The balancer's own member ``me`` and another balancer ``hb`` are always listed, unless the agent
    is ``alone``. Every other member has an address of its own.
    """

    def __init__(self, window: float = 30.0) -> None:
        self.view = View(SerfSettings(rejoin_window=window))
        self.now = 0.0
        self.contact = Contact()

    def read(self, *members: Member, fresh: bool = False, alone: bool = False) -> list[str]:
        company = [node("me", role="balancer")]
        company += [] if alone else [node("hb", role="balancer")]
        snapshots = self.view.update(
            [*company, *members], own="me", fresh=fresh, now=self.now, contact=self.contact
        )
        return [shown(snapshot) for snapshot in snapshots]

    def reach(self, name: str = "hb", failure: str = "") -> None:
        """The agent has tried to join ``name`` just now."""
        at = node(name)
        self.contact.note((at.address, at.port), failure, begun=self.now)
        self.contact.tried = self.now

    @property
    def doubt(self) -> str:
        return str(self.view.belief.doubt or "")


def shown(snapshot: Snapshot) -> str:
    return " ".join(("~" if e.draining else "") + e.name for e in snapshot.endpoints)


def node(name: str, status: str = "alive", **tags: str) -> Member:
    given = tags or {"role": "backend"}
    address = f"10.0.0.{sum(name.encode()) % 250}"
    return Member(name=name, address=address, port=7946, status=status, tags=given)


def test_first_reading_is_published_even_if_empty() -> None:
    assert Steps().read(fresh=True) == [""]


def test_an_agent_that_never_knew_others_is_believed_alone() -> None:
    steps = Steps()
    assert steps.read(fresh=True, alone=True) == [""]
    assert steps.doubt == ""


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


def test_the_last_that_leave_leave_an_agent_that_is_believed() -> None:
    steps = Steps()
    steps.read(node("a"), fresh=True, alone=True)
    assert steps.read(node("a", "left"), alone=True) == ["~a", ""]
    assert steps.view.belief.sure


def test_failed_is_out_once_another_member_was_reached_since() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    steps.now = 1
    assert steps.read(node("a", "failed"), node("b")) == []
    assert {member.name for member in steps.view.belief.asked} == {"b", "hb"}
    steps.reach()
    steps.reach("a", "connection refused")
    assert steps.read(node("a", "failed"), node("b")) == ["b"]
    assert steps.view.belief.asked == ()


def test_failed_stays_if_it_only_has_another_key() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    steps.read(node("a", "failed"), node("b"))
    steps.reach("a", OTHER_KEY)
    steps.reach()
    steps.now = 60
    assert steps.read(node("a", "failed"), node("b")) == []
    assert OTHER_KEY in steps.doubt


def test_failed_that_is_reached_after_all_has_a_moment_to_say_so() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    steps.read(node("a", "failed"), node("b"))
    steps.reach("a")
    assert steps.read(node("a", "failed"), node("b")) == []
    assert steps.read(node("a"), node("b")) == []


def test_failed_that_does_not_answer_is_not_waited_for() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    steps.read(node("a", "failed"), node("b"))
    steps.reach()
    assert steps.read(node("a", "failed"), node("b")) == []
    steps.now = 3
    assert steps.read(node("a", "failed"), node("b")) == ["b"]


def test_failed_stays_while_none_of_the_others_is_reached() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    steps.reach()
    steps.now = 1
    steps.read(node("a", "failed"), node("b"))
    assert steps.doubt == ""
    steps.reach("b", "i/o timeout")
    assert steps.read(node("a", "failed"), node("b")) == []
    assert steps.doubt == (
        "the Serf agent me finds members failed, and reaches none of the others: "
        "i/o timeout (serf.join)"
    )


def test_all_failed_is_no_loss_but_an_agent_that_is_alone() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True, alone=True)
    steps.now = 1
    assert steps.read(node("a", "failed"), node("b", "failed"), alone=True) == []
    steps.reach("a", OTHER_KEY)
    assert steps.doubt == (
        f"the Serf agent me is alone and misses 2 that it knew: {OTHER_KEY} (serf.encrypt)"
    )
    assert steps.read(node("a"), node("b", "failed"), alone=True) == []
    steps.now = 4
    steps.reach("a")
    assert steps.read(node("a"), node("b", "failed"), alone=True) == []
    assert steps.doubt == ""


def test_who_lives_may_object_once_an_agent_that_was_cut_off_is_back() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), node("c"), fresh=True, alone=True)
    steps.read(node("a", "failed"), node("b", "failed"), node("c", "failed"), alone=True)
    steps.now = 20
    steps.reach("b", "no answer")
    steps.reach("a")
    assert steps.read(node("a"), node("b", "failed"), node("c", "failed"), alone=True) == []
    steps.now = 24
    assert steps.read(node("a"), node("b"), node("c", "failed"), alone=True) == []
    steps.now = 26
    assert steps.read(node("a"), node("b"), node("c", "failed"), alone=True) == ["a b"]


def test_tag_taken_away_from_a_living_member_drains_first() -> None:
    steps = Steps()
    steps.read(node("a"), fresh=True)
    assert steps.read(node("a", role="other")) == ["~a", ""]


def test_tag_that_turns_bad_is_no_clean_leave() -> None:
    steps = Steps()
    steps.read(node("a", **{"lbdisc.web": "80"}), fresh=True)
    assert steps.read(node("a", **{"lbdisc.web": "80;"})) == [""]


def test_a_restarted_agent_is_not_believed_before_it_has_met_another() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), fresh=True)
    assert steps.read(fresh=True, alone=True) == []
    assert [member.name for member in steps.view.belief.sought] == ["a", "b", "hb"]
    assert steps.read(node("c"), alone=True) == ["a b c"]
    steps.reach("a")
    assert steps.read(node("a"), node("b"), node("c")) == ["a b c"]
    assert steps.view.belief.sure


def test_a_restarted_agent_may_know_old_news_of_a_member_until_it_reaches_it() -> None:
    steps = Steps()
    steps.read(node("a"), fresh=True)
    assert steps.read(node("a", role="other"), fresh=True) == ["a"]
    assert [member.name for member in steps.view.belief.sought] == ["a"]
    steps.reach("a")
    assert steps.read(node("a", role="other")) == ["~a", ""]


def test_who_is_not_met_again_and_does_not_answer_is_out_after_the_window() -> None:
    steps = Steps(window=30)
    steps.read(node("a"), fresh=True)
    steps.read(fresh=True)
    steps.reach()
    steps.reach("a", "connection refused")
    steps.now = 29
    assert steps.read() == ["a"]
    steps.now = 31
    assert steps.read() == [""]
    assert steps.view.belief.sought == ()


def test_who_is_not_met_again_stays_until_it_was_tried() -> None:
    steps = Steps(window=30)
    steps.read(node("a"), fresh=True)
    steps.read(fresh=True)
    steps.reach()
    steps.now = 60
    assert steps.read() == ["a"]


def test_who_speaks_with_another_key_stays_and_is_told_of() -> None:
    steps = Steps(window=30)
    steps.read(node("a"), fresh=True)
    steps.read(fresh=True)
    steps.reach()
    steps.reach("a", OTHER_KEY)
    steps.now = 60
    assert steps.read() == []
    assert steps.doubt == (
        f"the Serf agent me does not meet all that it knew: {OTHER_KEY} (serf.encrypt)"
    )


def test_an_agent_that_stays_alone_loses_nobody() -> None:
    steps = Steps(window=30)
    steps.read(node("a"), fresh=True)
    steps.read(fresh=True, alone=True)
    steps.reach("a", "connection refused")
    steps.now = 1000
    assert steps.read(alone=True) == []
    assert "is alone and misses 2 that it knew" in steps.doubt


def test_every_restart_begins_a_new_window() -> None:
    steps = Steps(window=30)
    steps.read(node("a"), fresh=True)
    steps.read(fresh=True)
    steps.now = 29
    steps.reach()
    steps.reach("a", "connection refused")
    steps.read(fresh=True)
    steps.now = 31
    assert steps.read() == []


def test_missing_that_is_known_again_is_as_it_is() -> None:
    steps = Steps()
    steps.read(node("a"), node("b"), node("c"), fresh=True)
    steps.read(fresh=True)
    steps.reach()
    steps.reach("b", "connection refused")
    assert steps.read(node("a"), node("b", "failed"), node("c", "left")) == ["a ~c", "a"]
    assert steps.view.belief.missing == frozenset()


def test_problems_name_member_and_tag_and_change_is_published() -> None:
    steps = Steps()
    steps.read(node("a", **{"lbdisc.web": "80"}), fresh=True)
    bad = [node("a", **{"lbdisc.web": "80"}), node("b\n", **{"lbdisc.web": "99999"})]
    (snapshot,) = steps.view.update(bad, own="me", fresh=False, now=1, contact=steps.contact)
    (problem,) = snapshot.problems
    assert problem.where == "'b\\n'/lbdisc.web"


def test_a_member_that_cannot_be_read_is_a_problem_and_no_other_is_touched() -> None:
    bad = Member(name="n2", address="", port=0, status="alive", wrong="an address of 5 bytes")
    found = read([node("n1"), bad], SerfSettings())
    assert [name for _, name in found.endpoints] == ["n1"]
    assert found.problems == (Problem("n2", "an address of 5 bytes"),)
