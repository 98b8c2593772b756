"""``lbdisc demo`` on the command line; what is heavy is imported inside."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Play the steps, show what was seen, and exit.")
    ] = False,
    backend: Annotated[
        str,
        typer.Option("--backend", "-b", help="The registry: file, doozer, etcd, serf, zookeeper."),
    ] = "file",
    rate: Annotated[
        float, typer.Option(min=1, max=2000, metavar="N", help="Requests a second.")
    ] = 200,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, metavar="N", help="Where the balancer serves; any if unset."
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep settings, configuration and logs in DIR."),
    ] = None,
    json: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a summary as JSON; - for the output.")
    ] = None,
    deadline: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="The longest that a step may take.")
    ] = 60,
) -> None:
    """Play the lab's last task on a real HAProxy: start it, add nodes, stop some, under traffic.

    Everything runs on loopback from a temporary folder and is stopped at the end. Exit code 0:
    every step was seen in HAProxy's own statistics and no request was lost; 1: not so; 130:
    interrupted.

    Example: lbdisc demo --once --backend serf
    """
    from lbdisc_lab.demo.command import run

    code = run(
        backend=backend,
        once=once,
        rate=rate,
        port=port,
        keep=keep,
        json_file=json,
        deadline=deadline,
    )
    raise typer.Exit(code)
