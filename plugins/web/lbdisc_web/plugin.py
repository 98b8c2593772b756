"""The hooks of lbdisc-web. Everything heavy is imported when it is needed, not before."""

from typing import TYPE_CHECKING, Any

from lbdisc.hooks import Context, Listener, Provider, hookimpl

if TYPE_CHECKING:
    import typer

    from lbdisc_web.listener import WebListener
    from lbdisc_web.settings import WebSettings


def _listener(settings: "WebSettings") -> "WebListener":
    from lbdisc_web.listener import WebListener

    return WebListener(settings)


@hookimpl
def lbdisc_listener() -> Provider[Any, Listener]:
    """The page, where ``web.bind`` says so."""
    from lbdisc_web.settings import WebSettings

    return Provider("web", WebSettings, _listener)


@hookimpl
def lbdisc_commands(app: "typer.Typer", context: Context) -> None:
    """Adds ``lbdisc top``."""
    from lbdisc_web.top import command

    app.command("top")(command(context))
