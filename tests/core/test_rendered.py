"""What a renderer makes: names that stay inside, equal states that are equal objects."""

import pytest

from lbdisc import Rendered
from lbdisc.errors import RenderError
from lbdisc.generation import Generation
from lbdisc.values import Change, Snapshot


def test_equal_files_are_equal_objects_in_any_order() -> None:
    one = Rendered("text", (("b", "2"), ("a/x", "1")))
    assert one == Rendered("text", {"a/x": "1", "b": "2"})  # type: ignore[arg-type]
    assert len({one, Rendered("text", (("a/x", "1"), ("b", "2")))}) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("../up", "a/../../up", "/etc/passwd", "a//b", "./a", "a/", "", "a\\b"),
        *(".hidden", "a/.b", "a b", "a\n", "a\x00", "~root", "${HOME}", "a" * 201),
    ],
)
def test_a_name_that_leaves_the_folder_or_could_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(RenderError, match="bad file name") as raised:
        Rendered("text", ((name, ""),))
    assert "\n" not in str(raised.value)


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(RenderError, match="two files are named 'a'"):
        Rendered("text", (("a", "1"), ("a", "2")))


def test_a_file_cannot_be_another_ones_folder() -> None:
    with pytest.raises(RenderError, match="'a' is to be a file and the folder of a/b/c"):
        Rendered("text", (("a", ""), ("a/b/c", "")))


def test_the_changes_of_files_are_told_by_name() -> None:
    before = Rendered("text", (("gone", ""), ("other", "1"), ("same", "")))
    after = Rendered("text", (("come", ""), ("other", "2"), ("same", "")))
    assert after.file_changes(before) == (("come", "new"), ("gone", "gone"), ("other", "changed"))
    assert after.changed_file(before) == "file come: new (and 2 more)"
    assert after.changed_file(after) == ""


def test_the_digest_stands_for_all_files() -> None:
    texts = [
        Rendered("text"),
        Rendered("text", (("a", "1"),)),
        Rendered("text", (("a", "2"),)),
        Rendered("text", (("b", "1"),)),
        Rendered("text", (("a", ""), ("b", "1"))),
    ]
    made = [
        Generation(number=1, snapshot=Snapshot(), rendered=each, change=Change()) for each in texts
    ]
    assert len({generation.digest for generation in made}) == len(texts)
