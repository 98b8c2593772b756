"""Putting a registration together from the settings."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lbdisc.errors import EntryError, SettingsError

if TYPE_CHECKING:
    from lbdisc.listening.listeners import Listeners
    from lbdisc.plugins import Plugins
    from lbdisc.register.registration import Registration
    from lbdisc.settings.loading import Settings
    from lbdisc.settings.tables import RegisterSettings
    from lbdisc.values import Endpoint


def compose(
    plugins: "Plugins",
    configuration: "Settings",
    command: Sequence[str],
    listeners: "Listeners",
) -> "Registration":
    """A registration with all its parts, around ``command`` if there is one.

    Raises ``LbdiscError``.
    """
    from lbdisc.builtin.systemd.notify import Notifier
    from lbdisc.register.child import Child
    from lbdisc.register.draining import AgentsDrain
    from lbdisc.register.registration import Registration
    from lbdisc.settings import choosing

    settings = configuration.core.register
    provider = plugins.registrar(configuration.core.backend)
    return Registration(
        settings,
        endpoint=_endpoint(settings),
        registrar=provider.create(configuration.table(provider.name)),
        child=Child(command) if command else None,
        drain=AgentsDrain(
            lambda: choosing.discovery(plugins, configuration),
            configuration.core.agent,
            listeners.tell,
        ),
        pace=configuration.core.agent,
        notifier=Notifier.from_environment(),
        listeners=listeners,
        backend=provider.name,
    )


def _endpoint(settings: "RegisterSettings") -> "Callable[[], Endpoint]":
    """What makes the endpoint; its address follows the machine's if none is given."""
    from structlog import get_logger

    from lbdisc.register.addresses import OwnAddress, is_loopback
    from lbdisc.values import Endpoint

    own = None if settings.address else OwnAddress()

    def endpoint() -> Endpoint:
        return Endpoint(
            service=settings.service,
            name=settings.name,
            address=own.current() if own else settings.address,
            port=settings.port,
            weight=settings.weight,
            tags=tuple(settings.tags.items()),
        )

    try:
        first = endpoint()
    except EntryError as error:
        raise SettingsError(f"[register] {error}") from error
    if own and is_loopback(first.address):
        get_logger("lbdisc.register").warning(
            "only a loopback address was found: give --address", address=first.address
        )
    return endpoint
