"""Several files of one HAProxy: their order, and lines by the numbers of their own file."""

from pathlib import Path

import pytest

from lbdisc import Rendered
from lbdisc.errors import SettingsError
from lbdisc.haproxy.around import Around, Neighbour
from lbdisc.haproxy.neighbours import Neighbours
from lbdisc.haproxy.process.beside import laid_out


def file(name: str, text: str) -> Neighbour:
    return Neighbour(Path(name), Path(name), text)


BOTH = Around((file("/a", "global\n  x\n"), file("/b", "defaults d")), (file("/z", "backend z\n"),))
OURS = "backend o from d\n  mode tcp"


def test_all_are_one_text_in_their_order() -> None:
    assert BOTH.whole(OURS) == f"global\n  x\ndefaults d\n{OURS}\nbackend z\n"
    assert BOTH.parse(OURS).proxies["o"].defaults is not None


@pytest.mark.parametrize(
    ("number", "words"), [(2, "2 of /a"), (3, "1 of /b"), (4, "1"), (5, "2"), (6, "1 of /z")]
)
def test_a_line_has_the_number_of_its_own_file(number: int, words: str) -> None:
    assert BOTH.spoken(f"line {number}: no", OURS) == f"line {words}: no"


def test_alone_nothing_is_another() -> None:
    alone, rendered = Around(), Rendered(OURS)
    assert not alone
    assert (alone.whole(OURS), alone.digest(rendered)) == (OURS, rendered.digest)
    assert alone.spoken("line 3", OURS) == "line 3"


def test_what_changed_is_named() -> None:
    assert BOTH.changed(BOTH) == ""
    assert BOTH.changed(Around()) == "/a is new beside it"
    assert Around().changed(BOTH) == "/a is gone beside it"
    assert Around(BOTH.before, (file("/z", ""),)).changed(BOTH) == "/z changed"
    assert Around((*BOTH.before, *BOTH.after)).changed(BOTH) == "the order of the files changed"
    assert BOTH.digest(Rendered("")) != Around((*BOTH.before, *BOTH.after)).digest(Rendered(""))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("base.cfg", "d/a.cfg", "d/B.cfg", "d/z.cfg", "d/.h.cfg", "d/x.txt", "last.cfg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("config", "before", "after"),
    [
        ("d/m.cfg", ["base.cfg", "B.cfg", "a.cfg"], ["z.cfg", "last.cfg"]),
        ("d/zz.cfg", ["base.cfg", "B.cfg", "a.cfg", "z.cfg"], ["last.cfg"]),
        ("d/a.cfg", ["base.cfg", "B.cfg"], ["z.cfg", "last.cfg"]),
        ("last.cfg", ["base.cfg", "B.cfg", "a.cfg", "z.cfg"], []),
    ],
)
def test_a_folder_is_read_as_haproxy_does(
    folder: Path, config: str, before: list[str], after: list[str]
) -> None:
    files = [str(folder / name) for name in ("base.cfg", "d", "last.cfg")]
    found = Neighbours(files, "/run/m.sock").of(folder / config)
    assert [each.name.name for each in found.before] == before
    assert [each.name.name for each in found.after] == after


@pytest.mark.parametrize("config", ["d/m.conf", "d/.m.cfg", "other.cfg"])
def test_a_file_that_haproxy_would_not_read_is_refused(folder: Path, config: str) -> None:
    files = [str(folder / name) for name in ("base.cfg", "d")]
    with pytest.raises(SettingsError, match="has no place for output"):
        Neighbours(files, "/run/m.sock").of(folder / config)


def test_a_file_that_is_just_being_written_is_as_it_was(folder: Path) -> None:
    base = folder / "base.cfg"
    found = Neighbours([str(base), str(folder / "last.cfg")], "/run/m.sock")
    before = found.of(folder / "last.cfg")
    base.write_text("# half")
    assert found.of(folder / "last.cfg") == before
    base.unlink()
    assert found.of(folder / "last.cfg").changed(before) == f"{base} changed"


def test_what_has_changed_since_is_checked_as_it_was(folder: Path) -> None:
    base = folder / "base.cfg"
    around = Around((Neighbour(base, base, "# before\n"),))
    with laid_out(around, folder / "last.cfg") as (files, names):
        assert [path.read_text() for path in files] == ["# before\n", "# last.cfg\n"]
        assert names == [(str(files[0]), str(base))]
