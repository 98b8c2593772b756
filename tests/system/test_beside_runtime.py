"""Files brought into a HAProxy that runs, against a fresh start on the same files."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdisc.haproxy.beside.contents import Digests
from lbdisc.haproxy.beside.expansion import Expansion, Where, expand
from lbdisc.haproxy.beside.planning import FilesPlan, differences, plan
from lbdisc.haproxy.language.named_files import named_files
from lbdisc.haproxy.language.text import parse
from lbdisc_lab.servers.certificates import Authority
from support.haproxies import VERSIONS, Place, Running, free_port, place

BODY = """frontend f
  bind 127.0.0.1:{port} ssl crt {folder}/site.pem crt {folder}/more/ ca-file {folder}/ca.pem \
verify optional
  acl a path -f {folder}/a.list
  http-request return status 200 content-type text/plain lf-string "%[path,map({folder}/m.map,-)] \
%[path,map_beg({folder}/m.map,-)]" if a
"""
KEYS = ("/", "/a", "a.b", "10.0.0.1", "x:y", "é", "q\\", '"', "k;l", "<<", "#")
VALUES = ("v", "two words", "a\\ b", '"quoted"', "'", ";", "<", "#c", "é", "$x", "%[src]")


@pytest.fixture(params=VERSIONS)
def there(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param) as found:
        authority = Authority(found.folder / "authority")
        (found.folder / "more").mkdir()
        for name in ("site.pem", "more/a.pem"):
            _issue(authority, found.folder / name)
        shutil.copy(authority.cert, found.folder / "ca.pem")
        (found.folder / "m.map").write_text("/a 1\n")
        (found.folder / "a.list").write_text("/a\n")
        yield found


def _issue(authority: Authority, path: Path) -> None:
    made = authority.issue("site", "site.test")
    path.write_text(made.pem)


class _Files:
    """The files of a configuration, and what they held when this was made."""

    def __init__(self, there: Place, text: str) -> None:
        self._names = named_files(parse(text))
        self._where = Where(there.folder)
        self._digests = Digests()
        self.before = self._digests.of(self._expanded())

    def _expanded(self) -> Expansion:
        return expand(self._names, self._where)

    def plan(self) -> FilesPlan:
        found = self._expanded()
        now = self._digests.of(found)
        return plan(differences(self.before, now), self.before, now, found)

    def bring(self, running: Running) -> None:
        planned = self.plan()
        assert planned.steps, planned
        for step in planned.steps:
            step.bring(running.runtime, self._where.origin)


def text_of(there: Place) -> str:
    return there.text(BODY.format(folder=there.folder, port=free_port()))


def patterns(running: Running, folder: Path) -> dict[str, list[str]]:
    """What HAProxy has of the map and the list, without the addresses in memory."""
    asked = {name: f"show {kind} {folder}/{name}" for name, kind in PATTERNS.items()}
    return {
        name: [line.partition(" ")[2] for line in running.runtime.ask(question).split("\n")]
        for name, question in asked.items()
    }


PATTERNS = {"m.map": "map", "a.list": "acl"}


@pytest.mark.parametrize("seed", range(3))
def test_entries_are_those_of_a_fresh_start(there: Place, seed: int) -> None:
    chance = random.Random(seed)
    text = text_of(there)
    with there.running(text) as running:
        files = _Files(there, text)
        blanks = (" ", "\t", "  \t")
        lines = [
            f"{chance.choice(('', '', ' '))}{chance.choice(KEYS)}{chance.choice(blanks)}"
            f"{chance.choice(VALUES)}{chance.choice(('', '', ' ', chr(13)))}"
            for _ in range(chance.choice((3, 40, 3000)))
        ]
        (there.folder / "m.map").write_text("\n".join(["# c", "", *lines]))
        words = [f"/{chance.randrange(10**6)}@x,y" for _ in range(500)]
        (there.folder / "a.list").write_text("# c\n\n" + "\n".join(words) + "\n")
        files.bring(running)
        now = patterns(running, there.folder)
    with there.running(text) as fresh:
        assert now == patterns(fresh, there.folder)


def test_certificates_are_those_of_a_fresh_start(there: Place) -> None:
    text = text_of(there)
    asked = [
        *("show ssl cert", f"show ssl cert {there.folder}/site.pem"),
        f"show ssl cert {there.folder}/more/a.pem",
    ]
    with there.running(text) as running:
        files = _Files(there, text)
        authority = Authority(there.folder / "authority", "another")
        for name in ("site.pem", "more/a.pem"):
            _issue(authority, there.folder / name)
        files.bring(running)
        now = running.runtime.ask_all(asked)
    with there.running(text) as fresh:
        assert now == fresh.runtime.ask_all(asked)


def test_a_key_of_its_own_comes_with_its_certificate(there: Place) -> None:
    path = there.folder / "site.pem"
    authority = Authority(there.folder / "authority")
    text = text_of(there)
    for _ in range(2):
        made = authority.issue("site", "site.test")
        if not path.with_name("site.pem.key").exists():
            path.write_text(made.cert.read_text())
            shutil.copy(made.key, f"{path}.key")
            continue
        with there.running(text) as running:
            files = _Files(there, text)
            path.write_text(made.cert.read_text())
            shutil.copy(made.key, f"{path}.key")
            assert len(files.plan().steps) == 1
            files.bring(running)


def test_what_haproxy_refuses_leaves_no_transaction_behind(there: Place) -> None:
    text = text_of(there)
    good = (there.folder / "site.pem").read_text()
    with there.running(text) as running:
        files = _Files(there, text)
        (there.folder / "site.pem").write_text(good.partition("-----BEGIN PRIVATE")[0][:-80])
        with pytest.raises(Exception, match="HAProxy refused 'set ssl cert"):
            files.bring(running)
        assert "*" not in running.runtime.ask("show ssl cert")
        (there.folder / "site.pem").write_text(good + "\n")
        files.bring(running)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("m.map", "/a\n", "changed, and it has an entry without a value"),
        ("a.list", "two words\n", "changed, and it has an entry that the socket does not take"),
        (
            "site.pem",
            "x" * 20_000,
            "changed, and for the socket it has 20001 bytes, more than 16000",
        ),
        ("ca.pem", "", "changed, and read only at the start"),
        ("more/new.pem", "", "new"),
        ("more/a.pem", None, "gone"),
    ],
)
def test_what_the_socket_cannot_take_is_a_reload(
    there: Place, name: str, text: str | None, reason: str
) -> None:
    files = _Files(there, text_of(there))
    path = there.folder / name
    path.unlink() if text is None else path.write_text(text)
    assert reason in files.plan().reason
    assert f"file {path}: " in files.plan().reason
