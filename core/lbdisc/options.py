"""Options that commands have in common, those of plugins as well."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The settings file (LBDISC_CONFIG; else lbdisc.toml if there)."
    ),
]
BackendOption = Annotated[
    str | None, typer.Option("--backend", "-b", help="The registry (LBDISC_BACKEND): file, etcd …")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting, as --set agent.quiet=0.5."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, for programs.")]
