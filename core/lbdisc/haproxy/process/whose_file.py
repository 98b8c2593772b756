"""Whether the HAProxy at the master socket runs the file that lbdisc writes."""

from collections.abc import Sequence
from pathlib import Path

from lbdisc.errors import SettingsError
from lbdisc.haproxy.process.command_line import SUFFIX, Files, files_of


def check_file(config: Path, pid: int, master_socket: str, files: Sequence[str] = ()) -> str:
    """``judged`` of what the master ``pid`` runs, ``""`` where that is not known."""
    found = files_of(pid, master_socket)
    return judged(config, found, f"{master_socket} (process {pid})", files) if found else ""


def judged(config: Path, found: Files, where: str, files: Sequence[str] = ()) -> str:
    """What to know where the HAProxy at ``where`` runs ``config`` beside others, if it does.

    ``files`` are those of the settings. Raises ``SettingsError`` that names both files where it
    surely does not run ``config``.
    """
    if not found.hold(config):
        raise SettingsError(_elsewhere(config, found, where))
    given = ", ".join(f'"{each.name}"' for each in found.given)
    if files and not _same(files, found):
        return (
            f"the HAProxy at {where} was not started with haproxy.files: set haproxy.files ="
            f" [{given}], or start it with these"
        )
    if files or not found.beside(config):
        return ""
    return (
        f"the HAProxy at {where} runs {_listed(found.beside(config))} beside {config}: all are"
        f" checked and compared together; set haproxy.files = [{given}], so that this is known"
        " while it does not run, too"
    )


def _same(files: Sequence[str], found: Files) -> bool:
    return len(files) == len(found.given) and all(
        each.is_at(Path(file)) for file, each in zip(files, found.given, strict=True)
    )


def _elsewhere(config: Path, found: Files, where: str) -> str:
    files = [file.name for file in found.files]
    folders = [folder.name for folder in found.folders]
    runs = _listed(files) if files else f"what ends in {SUFFIX} in {_listed(folders)}"
    message = f"the HAProxy at {where} does not run {config}: it runs {runs}; "
    if found.folder_of(config) is not None:
        return f"{message}of a folder it reads only what ends in {SUFFIX}: name output so"
    name = f'"{files[0]}"' if len(files) == 1 and not folders else "one of its files"
    return (
        f"{message}set output = {name}, or start HAProxy with -f {config}, or set"
        " haproxy.master_socket to another HAProxy's"
    )


def _listed(paths: Sequence[Path]) -> str:
    more = f" and {len(paths) - 5} more" if len(paths) > 5 else ""
    return ", ".join(map(str, paths[:5])) + more
