"""Trying settings without the registry: what comes of them, and what the load balancer says."""

from collections.abc import Iterator, Sequence

from lbdisc.abilities import Advises
from lbdisc.cli.common import check_rendered
from lbdisc.errors import CheckError, RenderError
from lbdisc.hooks import Reloader, Renderer
from lbdisc.settings.tables import CoreSettings
from lbdisc.values import Endpoint, Snapshot


def made_up(services: Sequence[str]) -> Snapshot:
    """Endpoints of all kinds in each of ``services``, at addresses that nobody has.

    No two of a service have one port, by which a template may number them. The host name is one
    that every machine knows by itself: a check that asks for it waits for no name server.
    """
    return Snapshot.of(endpoint for service in services for endpoint in _of(service))


def _of(service: str) -> Iterator[Endpoint]:
    # RFC 5737 and RFC 3849: addresses for documentation.
    tags = (("zone", "a"),)
    yield Endpoint(service=service, name="up", address="192.0.2.1", port=3001, tags=tags)
    yield Endpoint(service=service, name="idle", address="192.0.2.2", port=3002, weight=0)
    yield Endpoint(service=service, name="six", address="2001:db8::3", port=3003, weight=256)
    yield Endpoint(service=service, name="named", address="localhost", port=61999)
    yield Endpoint(
        service=service, name="leaving", address="192.0.2.4", port=3004, state="draining"
    )


def rehearse(
    core: CoreSettings, renderer: Renderer, reloader: Reloader, served: Snapshot | None = None
) -> Sequence[str]:
    """Try the settings on no endpoint, on made-up ones and on those that are ``served``, if any.

    Returns what could be better. Raises ``LbdiscError`` for what cannot work.
    """
    sample = made_up(core.services)
    tries = {"": Snapshot(), "with made-up endpoints: ": sample}
    if served:
        tries["with the endpoints that are served: "] = served.only(core.services)
    for what, snapshot in tries.items():
        try:
            check_rendered(reloader, core.output, renderer.render(snapshot))
        except (CheckError, RenderError) as error:
            raise type(error)(f"{what}{error}") from error
    return reloader.advice(renderer, sample) if isinstance(reloader, Advises) else ()
