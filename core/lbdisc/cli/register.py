"""``lbdisc register``: makes one instance known while its check passes."""

import os
import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lbdisc.cli.common import load_configuration
from lbdisc.errors import SettingsError, shown
from lbdisc.options import BackendOption, ConfigOption, SetOption

if TYPE_CHECKING:
    from lbdisc.plugins import Plugins
    from lbdisc.register.registration import Registration
    from lbdisc.settings.loading import Settings


def register(
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[--] [COMMAND]…", help="Run it, and stop it after leaving."),
    ] = None,
    service: Annotated[str | None, typer.Option(help="The service it belongs to.")] = None,
    name: Annotated[str | None, typer.Option(help="Its name; the host's name if unset.")] = None,
    address: Annotated[
        str | None, typer.Option(help="Its address, network or interface; detected if unset.")
    ] = None,
    port: Annotated[str | None, typer.Option(metavar="N", help="Its port.")] = None,
    weight: Annotated[str | None, typer.Option(metavar="N", help="Its weight, 0 to 256.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="NAME=TEXT", help="A tag; may be repeated.")
    ] = None,
    check: Annotated[
        str | None,
        typer.Option(
            metavar="URL|CMD",
            help="none, tcp, tcp://HOST:PORT, http(s)://…, an HTTP path or a command.",
        ),
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Seconds between two checks.")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Seconds that a check may take.")
    ] = None,
    rise: Annotated[
        str | None, typer.Option(metavar="N", help="Checks in a row that must pass.")
    ] = None,
    fall: Annotated[
        str | None, typer.Option(metavar="N", help="Checks in a row that must fail.")
    ] = None,
    pass_environment: Annotated[
        list[str] | None,
        typer.Option(metavar="LBDISC_…", help="A variable COMMAND gets too; may be repeated."),
    ] = None,
    drain_timeout: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="Seconds to wait for a drain."),
    ] = None,
    stop_timeout: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Seconds that COMMAND may take to stop.")
    ] = None,
    backend: BackendOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
) -> None:
    """Register an instance while its check passes; run COMMAND around it if given.

    It leaves the registry before COMMAND is told to stop, and ends with its exit code.

    Example: lbdisc register --service web --port 3000 --check /health -- node app.js
    """
    if os.getpid() == 1:
        from lbdisc.register import process_one

        if (code := process_one.split()) is not None:
            raise typer.Exit(code)
    flags = {
        "backend": backend,
        "register.service": service,
        "register.name": name,
        "register.address": address,
        "register.port": port,
        "register.weight": weight,
        "register.tags": _tags(tag),
        "register.check": check,
        "register.interval": interval,
        "register.timeout": timeout,
        "register.rise": rise,
        "register.fall": fall,
        "register.pass_environment": pass_environment,
        "register.drain_timeout": drain_timeout,
        "register.stop_timeout": stop_timeout,
    }
    plugins, configuration = load_configuration(config, flags, set_, tell_broken=False)
    raise typer.Exit(_run(plugins, configuration, command or ()))


def _run(plugins: "Plugins", configuration: "Settings", command: Sequence[str]) -> int:
    from lbdisc.listening import audience
    from lbdisc.register import composing

    with audience.listeners(plugins, configuration) as listeners:
        registration = composing.compose(plugins, configuration, command, listeners)
        _take_signals(registration)
        registration.start()
        with audience.told("register", plugins, configuration, listeners.tell):
            return registration.run()


def _tags(given: Sequence[str] | None) -> dict[str, str] | None:
    if not given:
        return None
    tags = {}
    for tag in given:
        name, separator, text = tag.partition("=")
        if not separator:
            raise SettingsError(f"--tag {shown(tag)}: NAME=TEXT is needed")
        tags[name] = text
    return tags


def _take_signals(registration: "Registration") -> None:
    """Hand over the signals; for good, as a late one must not cut off the clean end.

    Under nohup a hangup means nothing to us, nor to COMMAND, which inherits that.
    """
    from lbdisc.register.registration import FORWARDED, STOPPING

    for number in (*STOPPING, *FORWARDED):
        if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue
        signal.signal(number, lambda got, _frame: registration.signal(got))
