"""``lbdisc compare`` on the command line; what is heavy is imported inside."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    ways: Annotated[
        str, typer.Option(metavar="A,B", help="What is compared; all that is here if unset.")
    ] = "",
    nodes: Annotated[int, typer.Option(metavar="N", help="Nodes that stay.")] = 10,
    quick: Annotated[bool, typer.Option("--quick", help="A first impression, in minutes.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out that did not end.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="With --resume: once more what failed or had no quiet."),
    ] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="For samples and report.")] = Path(
        "compare"
    ),
    only: Annotated[
        str, typer.Option(metavar="M,N", help="The measures, by name; all if unset.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Of the order, and of what is drawn.")] = 1,
    yes: Annotated[
        bool, typer.Option("--yes", help="Install what is missing without asking.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Samples of before; exit code 1 if something is slower."),
    ] = None,
) -> None:
    """Compare the ways of auto-discovery on the same work, in one report.

    Everything runs on this machine, on loopback and in network namespaces, and is stopped at the
    end. Exit code 0: done; 1: something failed or got slower; 2: wrong options; 130: interrupted,
    and --resume goes on.

    Example: lbdisc compare --quick --ways file,etcd,serf
    """
    from lbdisc_compare.command import run

    code = run(
        ways=ways,
        nodes=nodes,
        quick=quick,
        resume=resume,
        again=again,
        out=out,
        only=only,
        seed=seed,
        yes=yes,
        against=against,
    )
    raise typer.Exit(code)
