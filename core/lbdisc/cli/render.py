"""``lbdisc render`` and ``lbdisc plan``: what the registry's state gives, and what it costs."""

import difflib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from lbdisc.cli.common import load_configuration, write_json
from lbdisc.options import BackendOption, ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from pathlib import Path

    from lbdisc.planned import Planned
    from lbdisc.rendered import Rendered

RELOAD_NEEDED = 3
REFUSED = 4


def render(
    config: ConfigOption = None,
    backend: BackendOption = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change, with secrets masked, and how.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Let the load balancer check the files.")
    ] = False,
    file: Annotated[
        str | None, typer.Option("--file", metavar="NAME", help="Print this further file instead.")
    ] = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Print the configuration for the registry's state, and change nothing.

    What the guard holds is in it, and said on standard error. So is who is left out: for whom the
    template fails, and with --check whom the load balancer refuses.

    With --diff the exit code is 3 when the change would need a reload.

    Example: lbdisc render --diff
    """
    from lbdisc.cli.judged import read_judged, sifted
    from lbdisc.rendered import Rendered
    from lbdisc.settings import choosing

    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    output, reloader = settings.core.output, choosing.reloader(plugins, settings)
    _, snapshot = read_judged(plugins, settings)
    renderer = choosing.renderer(plugins, settings)
    rendered = sifted(settings, snapshot, renderer, reloader, checks=check).rendered
    if not diff and as_json:
        text, files = _text(rendered, file), dict(rendered.files)
        write_json({"output": str(output), "text": text, "files": files if file is None else {}})
    elif not diff:
        sys.stdout.write(_text(rendered, file))
    if not diff:
        return
    before = _written(output)
    differences = [*_differences(output, before or Rendered(""), rendered)]
    planned = reloader.plan(output, before, rendered)
    if as_json:
        how = {"how": str(planned.how), "detail": planned.how.detail}
        write_json({"output": str(output), "diff": "".join(differences), **how})
    else:
        sys.stdout.writelines(differences)
        sys.stderr.write(_line(planned))
    if planned.costs_a_reload:
        raise typer.Exit(RELOAD_NEEDED)


def _text(rendered: "Rendered", file: str | None) -> str:
    from lbdisc.errors import LbdiscError, shown

    texts = dict(rendered.files)
    if file is None:
        return rendered.text
    if file not in texts:
        known = ", ".join(texts) or "none"
        raise LbdiscError(f"no file {shown(file)} is rendered (known: {known})")
    return texts[file]


def _differences(output: "Path", before: "Rendered", after: "Rendered") -> Iterator[str]:
    """All files' differences, the main one first; secrets are masked."""
    from lbdisc.secrecy import masked

    old, new = dict(before.files), dict(after.files)
    texts = [(output, before.text, after.text)]
    texts += [
        (output.parent / name, old.get(name, ""), new.get(name, ""))
        for name in sorted({*old, *new})
    ]
    for path, was, will in texts:
        lines = _printable(was).splitlines(True), will.splitlines(True)
        yield from map(masked, difflib.unified_diff(*lines, str(path), "rendered"))


def _printable(text: str) -> str:
    """What others wrote may be no UTF-8."""
    from lbdisc import atomic

    return atomic.encoded(text).decode(errors="replace")


def plan(
    config: ConfigOption = None,
    backend: BackendOption = None,
    as_json: JsonOption = False,
    set_: SetOption = None,
) -> None:
    """Show what an apply would do: runtime commands, or a reload and why; change nothing.

    The first line says how many servers would go, if any. What the guard holds stays, whom the load
    balancer refuses is left out, and both are said on standard error. Exit code 0: nothing to do,
    or no reload needed; 3: a reload would be needed; 4: it would be refused, as the file is not
    lbdisc's and too many of its servers would go (see lbdisc adopt).

    Example: lbdisc plan --json
    """
    from lbdisc.cli.taking import ask
    from lbdisc.planned import AtRuntime
    from lbdisc.rendered import Rendered

    plugins, settings = load_configuration(config, {"backend": backend}, set_)
    asked, before = ask(plugins, settings), _written(settings.core.output)
    rendered, refused = asked.rendered, asked.meeting.refused
    planned = asked.reloader.plan(settings.core.output, before, rendered)
    changes = rendered.file_changes(before or Rendered(""))
    commands = planned.how.commands if isinstance(planned.how, AtRuntime) else ()
    if as_json:
        document = {
            "how": str(planned.how),
            "detail": planned.how.detail,
            "commands": list(commands),
            "files": dict(changes),
            **asked.document,
        }
        write_json(document)
    else:
        lines = (str(asked.meeting.takes), refused, *(f"warning: {w}" for w in asked.warnings))
        sys.stdout.writelines(f"{line}\n" for line in lines if line)
        sys.stdout.write(_line(planned))
        sys.stdout.writelines(f"  {command}\n" for command in commands)
        sys.stdout.writelines(f"  file {name}: {change}\n" for name, change in changes)
    if refused:
        raise typer.Exit(REFUSED)
    if planned.costs_a_reload:
        raise typer.Exit(RELOAD_NEEDED)


def _line(planned: "Planned") -> str:
    return f"{planned.how}: {planned.how.detail}\n"


def _written(output: "Path") -> "Rendered | None":
    from lbdisc.errors import LbdiscError
    from lbdisc.installing import held

    try:
        return held(output)
    except OSError as error:
        raise LbdiscError(f"cannot read {error.filename}: {error.strerror}") from error
