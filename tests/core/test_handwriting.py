"""What lbdisc wrote is known again, and nothing else is."""

from pathlib import Path

import pytest

from lbdisc.agent.handwriting import REMEMBERED, SLACK, Handwriting
from lbdisc.copies import keep_copy
from lbdisc.errors import ApplyError


def test_a_text_that_was_written_is_known_to_the_next_agent(tmp_path: Path) -> None:
    Handwriting(tmp_path).will_write("global\n")
    assert Handwriting(tmp_path).wrote("global\n")
    assert not Handwriting(tmp_path).wrote("global\n\n")


def test_another_folder_knows_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Handwriting(tmp_path / "a").will_write("global\n")
    assert not Handwriting(tmp_path).wrote("global\n")


def test_texts_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    hand = Handwriting(tmp_path)
    hand.will_write("caf\udce9\n")
    assert hand.wrote("caf\udce9\n")
    assert not hand.wrote("café\n")


@pytest.mark.parametrize("rest", ["{", "[]\n", '{"written": 1', '{"adopted": "x"}\n', "\x00\x00"])
def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path, rest: str) -> None:
    hand = Handwriting(tmp_path)
    hand.will_write("global\n")
    with hand.file.open("a") as file:
        file.write(rest)
    again = Handwriting(tmp_path)
    assert again.wrote("global\n")
    assert again.accepted("global\n") is None


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    hand = Handwriting(tmp_path)
    hand.adopt("by hand", frozenset({("web", "10.0.0.1:80")}))
    for number in range(REMEMBERED + 2 * SLACK):
        hand.will_write(str(number))
    assert len(hand.file.read_text().splitlines()) < REMEMBERED + SLACK + 10
    again = Handwriting(tmp_path)
    assert again.wrote(str(number))
    assert again.accepted("by hand") == frozenset({("web", "10.0.0.1:80")})


def test_what_an_operator_said_meanwhile_is_found(tmp_path: Path) -> None:
    agent = Handwriting(tmp_path)
    agent.will_write("mine")
    Handwriting(tmp_path).adopt("by hand", frozenset())
    agent.read()
    assert agent.accepted("by hand") == frozenset()
    assert agent.accepted("another") is None
    assert agent.wrote("mine")


def test_copies_are_kept_side_by_side_and_the_same_one_once(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    names = []
    for text in ("one", "two", "one", "two", "three"):
        file.write_text(text)
        names.append(keep_copy(file)[0].name.removeprefix("haproxy.cfg"))
    first, second, third = ".before-lbdisc", ".before-lbdisc.1", ".before-lbdisc.2"
    assert names == [first, second, first, second, third]
    assert (tmp_path / f"haproxy.cfg{first}").read_text() == "one"


def test_a_copy_has_mode_and_time_of_what_it_copies(tmp_path: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_bytes(b"caf\xe9\r\n")
    file.chmod(0o604)
    copy, is_new = keep_copy(file)
    assert is_new
    assert copy.read_bytes() == b"caf\xe9\r\n"
    assert copy.stat().st_mode == file.stat().st_mode
    assert copy.stat().st_mtime == file.stat().st_mtime


def test_a_link_to_nowhere_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text("one")
    (tmp_path / "haproxy.cfg.before-lbdisc").symlink_to("nowhere")
    assert keep_copy(tmp_path / "haproxy.cfg")[0].name == "haproxy.cfg.before-lbdisc.1"


def test_where_no_copy_can_be_kept_that_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ApplyError, match="no copy of it can be kept"):
        keep_copy(tmp_path / "gone" / "haproxy.cfg")
