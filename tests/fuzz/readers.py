"""Every reader of a registry's words, with good entries beside the hostile ones."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Protocol

import msgpack

from fuzz import records, words
from fuzz.records import Aim
from lbdisc import Snapshot, formats
from lbdisc.builtin.file import entry as file_entry
from lbdisc.builtin.file.folder import Folder
from lbdisc.builtin.file.settings import FileSettings
from lbdisc.errors import EntryError
from lbdisc.formats import FORMATS, Format
from lbdisc.values import Endpoint, Problem
from lbdisc_etcd.state import Records
from lbdisc_serf import view
from lbdisc_serf.members import members
from lbdisc_serf.settings import SerfSettings
from lbdisc_zookeeper.tree import Tree

SERVICES = ("nodes", "api")
GOOD = (("nodes", "good-1"), ("nodes", "good-2"), ("api", "good-3"))
GOOD_KEYS = frozenset(GOOD)


class Reader(Protocol):
    """``hear`` makes a hostile entry and returns it, ``take`` is given one; both raise nothing."""

    def hear(self, draw: Random, aim: Aim) -> bytes: ...

    def take(self, said: bytes) -> None: ...

    def snapshot(self) -> Snapshot: ...

    def close(self) -> None: ...


def good(format: Format) -> bytes:
    return {
        "lbdisc": b'{"address":"10.9.9.1","port":80}',
        "hostport": b"10.9.9.1:80",
        "nerve": b'{"host":"10.9.9.1","port":80}',
        "serverset": b'{"serviceEndpoint":{"host":"10.9.9.1","port":80}}',
        "curator": b'{"address":"10.9.9.1","port":80}',
    }[format]


def name(draw: Random) -> str:
    """Mostly one that may be, of a few thousand, so that entries change."""
    if draw.random() < 0.6:
        return f"{draw.choice(('s', 'S', 'ş', 'web-', 'a.b-', 'x_'))}{draw.randrange(3000)}"
    return words.text(draw)


class Parsed:
    """The text of files, without a disk."""

    def __init__(self) -> None:
        self._found = {key: _made(*key) for key in GOOD}
        self._problems: list[Problem] = []

    def hear(self, draw: Random, aim: Aim) -> bytes:
        path, said = _file(draw, aim)
        self._read(path, said)
        return said

    def take(self, said: bytes) -> None:
        for name in ("s1.json", "s1"):
            self._read(Path("/n/nodes") / name, said)

    def _read(self, path: Path, said: bytes) -> None:
        try:
            found = file_entry.parse(said, path, service="nodes", port=3000).endpoint
            self._found[found.key] = found
        except EntryError as error:
            self._problems.append(Problem(ascii(path.name), str(error)))

    def snapshot(self) -> Snapshot:
        return Snapshot.of(self._found.values(), self._problems)

    def close(self) -> None:
        pass


def _made(service: str, name: str) -> Endpoint:
    found = formats.parse("lbdisc", good("lbdisc"), service=service, name=name)
    assert found is not None
    return found


def _file(draw: Random, aim: Aim) -> tuple[Path, bytes]:
    stem = words.raw(name(draw)).replace(b"/", b"_").replace(b"\0", b"_")[:240] or b"x"
    plain = stem.decode(errors="surrogateescape")
    if aim == "anything" and draw.random() < 0.15:
        forms = (
            f"{plain} {words.text(draw)} {draw.choice(words.NUMBERS)}",
            f"{plain} {words.text(draw)}",
            f"{plain} 10.0.0.1 80\n{words.text(draw)}",
            f"{plain} 10.0.0.{draw.randrange(256)} 8{draw.choice(words.SIGNS)}",
            words.text(draw),
        )
        said = draw.choice(forms).encode(errors="replace")
        return Path("/n/nodes") / plain, said
    return Path("/n/nodes") / f"{plain}.json", records.record(draw, "lbdisc", aim)


class OnDisk:
    """A folder of files, looked at as each changes."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        root = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzz-")))
        for service, node in GOOD:
            (root / service).mkdir(exist_ok=True)
            (root / service / f"{node}.json").write_bytes(good("lbdisc"))
        self._root = root
        self._folder = Folder(FileSettings(dir=root))
        self._folder.scan()

    def hear(self, draw: Random, aim: Aim) -> bytes:
        path, said = _file(draw, aim)
        place = self._root / "nodes" / path.name
        if path.name in (".", ".."):
            return said
        place.unlink(missing_ok=True)
        if aim == "anything" and draw.random() < 0.05:
            place.symlink_to(draw.choice(("/dev/zero", "/etc/passwd", "good-1.json", ".", "x")))
        else:
            place.write_bytes(said)
        self._folder.look(place)
        return said

    def take(self, said: bytes) -> None:
        for name in ("s1.json", "s1"):
            (self._root / "nodes" / name).write_bytes(said)
        self._folder.scan()

    def snapshot(self) -> Snapshot:
        return self._folder.snapshot()

    def close(self) -> None:
        self._stack.close()


class Etcd:
    """Keys and values as etcd's watch tells them."""

    def __init__(self, format: Format) -> None:
        self._format = format
        self._records = Records("/lbdisc", format, None)
        for service, node in GOOD:
            self._records.put(f"/lbdisc/{service}/{node}".encode(), good(format))

    def hear(self, draw: Random, aim: Aim) -> bytes:
        said = records.record(draw, self._format, aim)
        key = _key(draw) if aim == "anything" else b"/lbdisc/nodes/s%d" % draw.randrange(3000)
        self._records.put(key, said)
        if draw.random() < 0.05:
            self._records.delete(key)
        return said

    def take(self, said: bytes) -> None:
        self._records.put(b"/lbdisc/nodes/s1", said)

    def snapshot(self) -> Snapshot:
        return self._records.snapshot()

    def close(self) -> None:
        pass


def _key(draw: Random) -> bytes:
    odd = words.raw(words.text(draw))
    below = draw.choice((b"nodes/", b"nodes/", b"api/", odd + b"/", b"", b"nodes/x/", b"/"))
    last = draw.choice((words.raw(name(draw)), bytes(draw.randrange(256) for _ in range(5))))
    return b"/lbdisc/" + below + last


class ZooKeeper:
    """Names and contents of nodes as ZooKeeper tells them."""

    def __init__(self, format: Format) -> None:
        self._format = format
        self._tree = Tree("/lbdisc", self._parse)
        self._names: dict[str, list[str]] = {service: [] for service in SERVICES}
        self._tree.list_services(SERVICES)
        for service, node in GOOD:
            self._names[service].append(node)
        for service in SERVICES:
            self._tree.list_names(service, self._names[service])
        for service, node in GOOD:
            self._tree.put(service, node, good(format))

    def _parse(self, record: bytes, service: str, name: str) -> Endpoint | None:
        return formats.parse(self._format, record, service=service, name=name)

    def hear(self, draw: Random, aim: Aim) -> bytes:
        said = records.record(draw, self._format, aim)
        node = f"s{draw.randrange(300)}" if draw.random() < 0.5 else words.text(draw)
        if draw.random() < 0.02:
            self._tree.list_services((*SERVICES, words.text(draw)))
        new = self._tree.list_names("nodes", [*self._names["nodes"][-300:], *_of(GOOD), node])
        for path in new:
            service, name = self._tree.split(path) or ("", "")
            self._tree.put(service, name, said)
        self._names["nodes"].append(node)
        return said

    def take(self, said: bytes) -> None:
        self._tree.list_names("nodes", [*_of(GOOD), "s1"])
        self._tree.put("nodes", "s1", said)

    def snapshot(self) -> Snapshot:
        return self._tree.snapshot()

    def close(self) -> None:
        pass


def _of(keys: tuple[tuple[str, str], ...]) -> list[str]:
    return [name for service, name in keys if service == "nodes"]


class Serf:
    """Members with whatever name, address and tags the gossip of one of them may hold."""

    def __init__(self) -> None:
        self._good = [
            _member(node.encode(), {f"lbdisc.{service}".encode(): b"80"}) for service, node in GOOD
        ]
        self._hostile: dict[bytes, dict[bytes, object]] = {}

    def hear(self, draw: Random, aim: Aim) -> bytes:
        member = _odd_member(draw, aim)
        self._hostile[str(draw.randrange(20)).encode()] = member
        self.snapshot()
        return repr(member).encode(errors="backslashreplace")

    def take(self, said: bytes) -> None:
        self._hostile[b"s1"] = _member(
            said[:100], {b"lbdisc.nodes": said[:500], said[:50]: said[:500]}
        )
        self.snapshot()

    def snapshot(self) -> Snapshot:
        listed = [*self._good, *self._hostile.values()]
        unpacker = msgpack.Unpacker(raw=True)
        unpacker.feed(msgpack.packb({b"Members": listed}, use_bin_type=False))
        reading = view.read(members(unpacker.unpack()), SerfSettings())
        return Snapshot.of(reading.endpoints.values(), reading.problems)

    def close(self) -> None:
        pass


def _member(
    name: bytes,
    tags: dict[bytes, bytes],
    *,
    address: bytes = b"\x0a\t\t\1",
    status: bytes = b"alive",
) -> dict[bytes, object]:
    return {b"Name": name, b"Addr": address, b"Port": 7946, b"Status": status, b"Tags": tags}


def _odd_member(draw: Random, aim: Aim) -> dict[bytes, object]:
    addresses = (
        *([b"\x0a\0\0\1"] * 20),
        *(b"\0" * 10 + b"\xff\xff\x0a\0\0\1", b"\0" * 16, b"\0" * 4, b"\x7f\0\0\1", b""),
        *(b"\xfe\x80" + b"\0" * 13 + b"\1", b"xx", b"x" * 17, b"\xe0\0\0\1"),
    )
    statuses = (b"alive", b"alive", b"alive", b"leaving", b"left", b"failed", b"none")
    tags = dict(_tag(draw, aim) for _ in range(draw.randrange(3)))
    return _member(
        words.raw(name(draw)),
        tags,
        address=draw.choice(addresses) if aim == "anything" else b"\x0a\0\0\1",
        status=draw.choice(statuses),
    )


def _tag(draw: Random, aim: Aim) -> tuple[bytes, bytes]:
    if aim != "anything":
        return b"lbdisc.nodes", b"80;k=" + records.record(draw, "hostport", aim)[:500]
    odd, number = words.text(draw), draw.choice(words.NUMBERS)
    names = ("lbdisc.nodes", "lbdisc.nodes", "lbdisc.api", f"lbdisc.{odd}", "role", odd)
    values = (
        *(f"{draw.randrange(70000)};zone=a", f"80;weight={draw.randrange(300)}"),
        *(f"{number};{odd}={words.text(draw)}", f"80;weight={number}", f"80;state={odd}"),
        *(f"80;%{odd}=x", "80;a=%0a%00%ff", "off", "80;" * 50, odd, "backend", f"80;zone={odd}"),
    )
    return words.raw(draw.choice(names)), words.raw(draw.choice(values))


READERS: dict[str, Callable[[], Reader]] = {
    "file": OnDisk,
    "file's text": Parsed,
    **{f"etcd, {format}": (lambda format=format: Etcd(format)) for format in FORMATS},  # type: ignore[misc]
    **{f"zookeeper, {format}": (lambda format=format: ZooKeeper(format)) for format in FORMATS},  # type: ignore[misc]
    "serf": Serf,
}
