"""The registrar ``serf``: a tag on the local agent's member."""

import ipaddress
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

from lbdisc import handshake
from lbdisc.errors import SettingsError
from lbdisc.values import Endpoint, is_reserved
from lbdisc_serf import exposure, tags
from lbdisc_serf.agent import LocalAgent
from lbdisc_serf.claim import Claim
from lbdisc_serf.entry import TagEntry
from lbdisc_serf.session import SerfSession
from lbdisc_serf.settings import SerfSettings, check


class SerfRegistrar:
    """Holds an endpoint as a tag ``lbdisc.SERVICE`` of the local member.

    Name and address are the member's: a managed agent takes them from the endpoint, an external
    one has to have them already. A service of lbdisc's own takes the member's, whatever they are.
    """

    def __init__(self, settings: SerfSettings) -> None:
        self._settings = check(settings)
        exposure.warn(settings)
        self._claims: dict[str, Claim] = {}  # kept between contexts: who holds goes on holding
        self._beside: Mapping[str, str] = {}  # all that the member had before the last put

    @contextmanager
    def open(self, endpoint: Endpoint, stop: Event) -> Iterator[TagEntry]:
        """See ``Registrar.open``; an own agent is started by the first ``put``."""
        settings, service = self._settings, endpoint.service
        if is_reserved(service):
            # The discovery beside it has started the agent; this one only adds a tag to it.
            settings = replace(settings, agent="external")
        claim = self._claims.setdefault(service, Claim(settings.rpc, service))
        address = _ip(endpoint) if settings.managed else ""

        def session(settings: SerfSettings, lost: Event) -> SerfSession:
            agent = LocalAgent(
                settings,
                node=endpoint.name,
                advertise=address,
                tags=_first_tags(endpoint, settings.role),
                stopped=stop.is_set,
            )
            return SerfSession(settings, agent, tags.tag_name(service), lost, stop)

        with TagEntry(settings, claim, service, session, self._saw) as entry:
            yield entry

    def spare(self, entry: Endpoint) -> int:
        """See ``lbdisc.abilities.Cramped``: beside the member's other tags, as they were last."""
        # What fits has to fit as draining too.
        own = {tags.tag_name(entry.service): tags.write(handshake.begun(entry))}
        return tags.MAX_TAGS - tags.size({**self._beside, **own})

    def _saw(self, found: Mapping[str, str]) -> None:
        self._beside = dict(found)


def _first_tags(endpoint: Endpoint, role: str) -> dict[str, str]:
    """An own agent starts with its tag: it is never seen with only the role."""
    return {
        **({"role": role} if role else {}),
        tags.tag_name(endpoint.service): tags.write(endpoint),
    }


def _ip(endpoint: Endpoint) -> str:
    try:
        return str(ipaddress.ip_address(endpoint.address))
    except ValueError as error:
        raise SettingsError(
            f"register.address is {endpoint.address}: a member of Serf has an IP address"
        ) from error
