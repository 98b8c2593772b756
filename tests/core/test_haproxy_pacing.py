"""HAProxy's own lines pass, but do not fill the log."""

from lbdisc.haproxy.process.pacing import MOST, WITHIN, LinePace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_many_lines_of_a_level_pass_and_the_others_are_counted() -> None:
    clock = Clock()
    pacing = LinePace(clock)
    passed = [pacing.lets_pass("WARNING") for _ in range(MOST + 7)]
    assert passed == [True] * MOST + [False] * 7
    assert pacing.lets_pass("ALERT")
    assert pacing.left_out() == 0
    clock.now = WITHIN
    assert [pacing.left_out(), pacing.left_out()] == [7, 0]
    assert pacing.lets_pass("WARNING")
