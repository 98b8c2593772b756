"""Who may import what: the rooms of the core, read from the source."""

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "lbdisc"
OPEN = ("events",)  # a folder that is one module to whoever imports it
PROGRAMS = ("agent", "register", "cli")
# Language, sockets and planning may become a library: with these, which import nothing else.
LEAVES = ("errors", "secrecy", "showing", "sequences", "haproxy.errors", "haproxy.versions")
LIBRARY = ("haproxy.language", "haproxy.sockets", "haproxy.planning")  # each knows those before it


def modules(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*.py")) if ".venv" not in path.parts)


def imported(path: Path, *, types: bool = True) -> Iterator[str]:
    """What of lbdisc the module imports anywhere, below ``lbdisc.``; names with their module.

    Without ``types`` only what is there while it runs.
    """
    for node in _nodes(ast.parse(path.read_text()), types):
        found: Iterable[str] = ()
        if isinstance(node, ast.ImportFrom):
            found = (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            found = (alias.name for alias in node.names)
        yield from (name.removeprefix("lbdisc.") for name in found if name.startswith("lbdisc."))


def _nodes(node: ast.AST, types: bool) -> Iterator[ast.AST]:
    yield node
    if types or not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        for child in ast.iter_child_nodes(node):
            yield from _nodes(child, types)


def is_in(name: str, rooms: Iterable[str]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def strangers(folder: Path, allowed: Iterable[str]) -> list[str]:
    """What the modules in ``folder`` import of lbdisc beyond ``allowed``."""
    rooms = tuple(allowed)
    return [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(folder)
        for name in imported(path)
        if not is_in(name, rooms)
    ]


def rooms_of(folder: Path) -> list[str]:
    """The folders in ``folder`` and the modules beside them."""
    found = (path for path in sorted(folder.iterdir()) if not path.name.startswith("_"))
    return [path.stem for path in found if path.suffix == ".py" or any(path.glob("*.py"))]


@pytest.mark.parametrize(
    "folder", ["plugins", "tests/sample_plugin", "core/lbdisc/builtin", "core/lbdisc/haproxy"]
)
def test_a_plugin_knows_nothing_of_the_programs(folder: str) -> None:
    assert [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules(ROOT / folder)
        for name in imported(path)
        if is_in(name, PROGRAMS)
    ] == []


def test_flat_modules_know_nothing_of_the_rooms() -> None:
    flat = [path for path in CORE.glob("*.py") if path.stem != "__init__"]
    flat += [path for folder in OPEN for path in modules(CORE / folder)]
    rooms = [name for name in rooms_of(CORE) if (CORE / name).is_dir() and name not in OPEN]
    assert len(rooms) >= 7
    assert [
        f"{path.stem}: {name}"
        for path in flat
        for name in imported(path, types=False)
        if is_in(name, rooms)
    ] == []


@pytest.mark.parametrize("at", range(len(LIBRARY)), ids=LIBRARY)
def test_what_may_become_a_library_knows_nothing_of_the_rest(at: int) -> None:
    folder = CORE.joinpath(*LIBRARY[at].split("."))
    assert any(modules(folder))
    assert strangers(folder, (*LEAVES, *LIBRARY[: at + 1])) == []


def test_leaves_know_only_leaves() -> None:
    for leaf in LEAVES:
        path = CORE.joinpath(*leaf.split(".")).with_suffix(".py")
        assert [name for name in imported(path) if not is_in(name, LEAVES)] == []


@pytest.mark.parametrize("folder", ["", "haproxy"])
def test_no_room_leads_back_to_itself(folder: str) -> None:
    above = f"{folder}." if folder else ""
    rooms = rooms_of(CORE / folder)
    known = {room: _rooms_known(CORE / folder, room, above, rooms) for room in rooms}
    while known:
        ends = [room for room, others in known.items() if not others & known.keys()]
        assert ends, f"a circle: {known}"
        known = {room: others for room, others in known.items() if room not in ends}


def _rooms_known(folder: Path, room: str, above: str, rooms: list[str]) -> set[str]:
    here = folder / room
    paths = modules(here) if here.is_dir() else iter([here.with_suffix(".py")])
    names = (name for path in paths for name in imported(path, types=False))
    found = {name.removeprefix(above).split(".")[0] for name in names if name.startswith(above)}
    return (found & set(rooms)) - {room}


@pytest.mark.parametrize("room", LIBRARY)
def test_what_may_become_a_library_needs_no_third_party(room: str) -> None:
    paths = [*modules(CORE.joinpath(*room.split(".")))]
    paths += [CORE.joinpath(*leaf.split(".")).with_suffix(".py") for leaf in LEAVES]
    names = {(path.stem, name) for path in paths for name in _roots(path)}
    assert {name for _, name in names} <= {*sys.stdlib_module_names, "lbdisc"}, names


def _roots(path: Path) -> Iterator[str]:
    """The distributions' names, or the library's own, of all that the module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield str(node.module).split(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
