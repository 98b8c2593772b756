"""``lbdisc top``: the page in a terminal."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lbdisc.options import ConfigOption, JsonOption, SetOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from lbdisc.hooks import Context
    from lbdisc_web.view import Document

EveryOption = Annotated[
    float, typer.Option("--every", min=0.2, max=3600, help="Seconds between two looks.")
]


def command(context: "Context") -> "Callable[..., None]":
    """The command, with the settings that it is given."""

    def top(
        config: ConfigOption = None,
        every: EveryOption = 1.0,
        as_json: JsonOption = False,
        set_: SetOption = None,
    ) -> None:
        """Show what the agent's page shows, and go on until q or Ctrl-C; once, where piped.

        Example: lbdisc top | head
        """
        from lbdisc_web.settings import WebSettings
        from lbdisc_web.sources import current

        settings = context.given(config=config, assignments=set_).settings
        web = settings.table("web")
        assert isinstance(web, WebSettings)

        def look() -> "Document":
            return current(web, settings.core.state_dir)

        if as_json:
            import json

            sys.stdout.write(json.dumps(look()) + "\n")
        elif sys.stdout.isatty() and sys.stdin.isatty():
            _follow(look, every)
        else:
            _print(look())

    return top


def _print(found: "Document") -> None:
    from rich.console import Console

    from lbdisc_web.fitting import whole
    from lbdisc_web.terminal import parts

    console = Console(highlight=False, soft_wrap=False)
    console.print(whole(parts(found, width=console.width)))


def _follow(look: "Callable[[], Document]", every: float) -> None:
    from contextlib import suppress

    from rich.console import Console
    from rich.live import Live

    from lbdisc_web.fitting import FittedPicture
    from lbdisc_web.terminal import foot, parts

    console = Console(highlight=False)

    def picture(found: "Document") -> FittedPicture:
        return FittedPicture(parts(found, width=console.width), foot(found))

    with suppress(KeyboardInterrupt), _keys() as pressed:
        first = look()  # what is wrong with the settings is said on the usual screen
        with Live(picture(first), console=console, screen=True, auto_refresh=False) as live:
            while not pressed(every):
                live.update(picture(look()), refresh=True)


@contextmanager
def _keys() -> "Iterator[Callable[[float], bool]]":
    """Asks whether q was pressed within as many seconds; the terminal is as before at the end."""
    import select
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)

    def pressed(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([sys.stdin], [], [], left)[0]:
                found = os.read(sys.stdin.fileno(), 64)
                if not found or b"q" in found.lower():
                    return True
        return False

    try:
        tty.setcbreak(sys.stdin.fileno())
        yield pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
