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
    from lbdisc.register.identity import Identity
    from lbdisc.register.registration import Registration
    from lbdisc.settings import choosing

    core, settings = configuration.core, configuration.core.register
    provider = plugins.registrar(configuration.core.backend)
    registrar = provider.create(configuration.table(provider.name))
    identity = Identity(core.state_dir, settings.service, settings.name, trusted=core.trusted)
    identity.give(registrar)
    return Registration(
        settings,
        endpoint=_endpoint(settings),
        registrar=registrar,
        identity=identity,
        child=Child(command, settings.pass_environment) if command else None,
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
    """What makes the endpoint; its address follows the machine's unless it is given as such."""
    from structlog import get_logger

    from lbdisc.addresses import is_loopback
    from lbdisc.register.addresses import LOOPBACK, NoAddress, OwnAddress, whereabouts
    from lbdisc.values import Endpoint

    own, log = whereabouts(settings.address), get_logger("lbdisc.register")

    def at(address: str) -> Endpoint:
        return Endpoint(
            service=settings.service,
            name=settings.name,
            address=address,
            port=settings.port,
            weight=settings.weight,
            tags=tuple(settings.tags.items()),
        )

    try:
        first = own.current()
    except NoAddress as error:
        log.warning("waiting for an address to register", why=str(error))
        first = LOOPBACK
    else:
        if isinstance(own, OwnAddress) and is_loopback(first):
            log.warning("only a loopback address was found: give --address", address=first)
    try:
        at(first)
    except EntryError as error:
        raise SettingsError(f"[register] {error}") from error
    return lambda: at(own.current())
