"""``lbdisc doctor``: everything that can be wrong here, looked at, with what to do about it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lbdisc.cli.common import write_json
from lbdisc.options import BackendOption, ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from lbdisc.doctor.bounded import Diagnosed, Look
    from lbdisc.doctor.looks import Patient
    from lbdisc.examining import Diagnosis
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings


def doctor(
    config: ConfigOption = None,
    backend: BackendOption = None,
    check: Annotated[
        list[str] | None,
        typer.Option("--check", metavar="NAME,…", help="Only these, as on a node: etcd,register."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Also put, read and remove an entry in the registry."),
    ] = False,
    limit: Annotated[
        float, typer.Option("--limit", metavar="SECONDS", min=0.1, help="For each look.")
    ] = 10.0,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Look at settings, HAProxy, folders, registry and agent; say of each what helps.

    Works with and without a running agent and changes nothing, but for --write. A look that hangs
    is given up after --limit. Exit code 0: nothing has failed, though there may be warnings; 1:
    something has.

    Example: lbdisc doctor --json
    """
    from lbdisc.examining import RANK

    found: list[Diagnosed] = []
    only = [name.strip() for text in check or () for name in text.split(",") if name.strip()]
    for seen in _seen(config, backend, set_, only=only, write=write, limit=limit):
        found.append(seen)
        if not as_json:
            _print(seen)
    worst = max((seen.finding.word for seen in found), key=RANK.index, default="ok")
    if as_json:
        write_json(_document(found, worst), indent=1)
    else:
        counts = {word: sum(seen.finding.word == word for seen in found) for word in RANK}
        sys.stdout.write("\n" + ", ".join(f"{n} {word}" for word, n in counts.items()) + "\n")
    if worst == "fail":
        raise typer.Exit(1)


def _seen(
    config: Path | None,
    backend: str | None,
    set_: Sequence[str] | None,
    *,
    only: Sequence[str],
    write: bool,
    limit: float,
) -> "Iterator[Diagnosed]":
    from lbdisc.doctor.bounded import Diagnosed, examined
    from lbdisc.errors import LbdiscError
    from lbdisc.examining import fail

    findings: list[Diagnosis] = []
    try:
        patient = _patient(config, {"backend": backend}, set_, findings, write=write)
    except LbdiscError as error:
        findings.append(fail(str(error), "correct it; nothing else can be looked at before"))
        patient = None
    yield from (Diagnosed("settings", "settings", finding) for finding in findings)
    if patient is not None:
        yield from examined(_chosen(patient, only), limit=limit)


def _chosen(patient: "Patient", only: Sequence[str]) -> "list[Look]":
    """Raises ``SettingsError`` for a check that there is not."""
    from lbdisc.errors import SettingsError, nearest, shown

    looks = patient.looks
    known = list(dict.fromkeys(["settings", *(look.check for look in looks)]))
    for name in only:
        if name not in known:
            hint = nearest(name, known)
            raise SettingsError(f"no check {shown(name)}{hint} (known: {', '.join(known)})")
    return [look for look in looks if not only or look.check in only]


def _patient(
    config: Path | None,
    flags: dict[str, Any],
    set_: Sequence[str] | None,
    findings: "list[Diagnosis]",
    *,
    write: bool,
) -> "Patient":
    """Load all that is to be looked at; what is worth a word is added to ``findings``."""
    from lbdisc.abilities import StartsPrograms
    from lbdisc.cli import logs
    from lbdisc.cli.common import read_settings
    from lbdisc.cli.nodes import read_once
    from lbdisc.cli.rehearsing import rehearse
    from lbdisc.doctor.looks import Patient
    from lbdisc.examining import ok, warn
    from lbdisc.plugins import Plugins
    from lbdisc.settings import choosing

    plugins = Plugins.load()
    for broken in plugins.broken:
        findings.append(warn(f"plugin {broken.plugin}: {broken.reason}", "see `lbdisc plugins`"))
    settings = read_settings(plugins, config, flags, set_)
    findings.append(ok(f"they load (file: {settings.file or 'none'})"))
    with logs.captured() as said:
        discovery = choosing.discovery(plugins, settings)
        renderer = choosing.renderer(plugins, settings)
        reloader = choosing.reloader(plugins, settings)
    reader = discovery.starting_none() if isinstance(discovery, StartsPrograms) else discovery
    findings += [warn(text, "see the settings it names, and docs/security.md") for text in said]
    logs.set_up(replace(settings.core.log, level="error"))  # what counts is said as a finding
    return Patient(
        settings=settings,
        discovery=discovery,
        reloader=reloader,
        advice=lambda: rehearse(settings.core, renderer, choosing.reloader(plugins, settings)),
        read=lambda: read_once(plugins, settings, reader),
        registrar=(lambda: _registrar(plugins, settings)) if write else None,
    )


def _registrar(plugins: "Plugins", settings: "Settings") -> Any:
    provider = plugins.registrar(settings.core.backend)
    return provider.create(settings.table(provider.name))


def _document(found: "Sequence[Diagnosed]", worst: str) -> dict[str, Any]:
    return {
        "verdict": worst,
        "findings": [
            {
                "check": seen.check,
                "what": seen.what,
                "word": seen.finding.word,
                "text": seen.finding.text,
                "remedy": seen.finding.remedy or None,
            }
            for seen in found
        ],
    }


def _print(seen: "Diagnosed") -> None:
    from lbdisc.showing import harmless

    where = seen.check if seen.what in ("", seen.check) else f"{seen.check}, {seen.what}"
    sys.stdout.write(f"{seen.finding.word:<4}  {where}: {harmless(seen.finding.text)}\n")
    if seen.finding.remedy:
        sys.stdout.write(f"      -> {harmless(seen.finding.remedy)}\n")
    sys.stdout.flush()
