"""The registrar ``serf``: a tag on the local agent's member."""

import ipaddress
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event

from lbdisc import draining
from lbdisc.errors import RegistrarError, SettingsError
from lbdisc.values import Endpoint, is_reserved
from lbdisc_serf import tags
from lbdisc_serf.agent import Agent
from lbdisc_serf.claim import claimed
from lbdisc_serf.connecting import connect
from lbdisc_serf.joiner import Joiner, encrypted
from lbdisc_serf.members import Member
from lbdisc_serf.rpc import Client
from lbdisc_serf.settings import SerfSettings, check
from lbdisc_serf.wire import RpcError, RpcStopped

SLICE = 0.1  # seconds between two looks at the endpoint and at ``stop``
REMOVAL = 0.7  # seconds that an agent has to take the tag away


class SerfRegistrar:
    """Holds an endpoint as a tag ``lbdisc.SERVICE`` of the local member.

    Name and address are the member's: a managed agent takes them from the endpoint, an external
    one has to have them already. A service of lbdisc's own takes the member's, whatever they are.
    """

    def __init__(self, settings: SerfSettings) -> None:
        self._settings = check(settings)

    def hold(self, endpoint: Callable[[], Endpoint], stop: Event) -> None:
        """See ``Registrar.hold``."""
        first = endpoint()
        if is_reserved(first.service) and self._settings.managed:
            # The discovery beside it has started the agent; this one only adds a tag to it.
            SerfRegistrar(replace(self._settings, agent="external")).hold(endpoint, stop)
            return
        agent = Agent(
            self._settings,
            node=first.name,
            advertise=_ip(first, self._settings),
            tags=self._first_tags(first),
            stopped=stop.is_set,
        )
        try:
            with claimed(self._settings.rpc, first.service, stop), agent:
                with suppress(RpcStopped):
                    self._keep(agent, endpoint, stop)
                if agent.owned:
                    with suppress(RpcError):  # it leaves in any case
                        self._drain(endpoint())
                else:
                    self._remove(endpoint())
        except RpcStopped:
            return
        except RpcError as error:
            raise RegistrarError(f"{error} (serf.rpc)") from error

    def _first_tags(self, endpoint: Endpoint) -> dict[str, str]:
        """An own agent starts with its tag: it is never seen with only the role."""
        role = {"role": self._settings.role} if self._settings.role else {}
        return {**role, tags.tag_name(endpoint.service): tags.write(endpoint)}

    def _keep(self, agent: Agent, endpoint: Callable[[], Endpoint], stop: Event) -> None:
        with connect(self._settings, stop.is_set) as client, self._joiner() as joiner:
            name = client.name
            held, look = "", 0.0
            while not stop.is_set():
                agent.check()
                if not joiner.settled and encrypted(joiner.failure):
                    raise RegistrarError(f"{joiner.failure} (serf.encrypt, serf.join)")
                wanted = endpoint()
                if tags.write(wanted) != held or time.monotonic() >= look:
                    self._set(client, name, wanted)
                    held, look = tags.write(wanted), time.monotonic() + self._settings.poll
                client.idle(SLICE)

    def _set(self, client: Client, name: str, endpoint: Endpoint) -> None:
        """Make the member carry the tag, if it does not."""
        member = client.member(name)
        if member is None:
            raise RpcError(f"the Serf agent does not know its own member {name}")
        if not is_reserved(endpoint.service):
            _check_identity(member, endpoint)
        tag_name = tags.tag_name(endpoint.service)
        tag = {tag_name: tags.write(endpoint)}
        if tag.items() <= member.tags.items():
            return
        # What fits now has to fit as draining too.
        tags.check_size({**member.tags, tag_name: tags.write(draining.begun(endpoint))})
        client.tags(tag)

    def _drain(self, endpoint: Endpoint) -> None:
        """Say it before the leave: a leave that overtakes its own intent looks like a crash."""
        if not endpoint.draining:
            with connect(self._settings, timeout=REMOVAL) as client:
                client.tags({tags.tag_name(endpoint.service): tags.write(endpoint.drain())})

    def _remove(self, endpoint: Endpoint) -> None:
        """Draining first, then without the tag; a member that has the role as well is ``off``."""
        tag = tags.tag_name(endpoint.service)
        with connect(self._settings, timeout=REMOVAL) as client:
            member = client.member(client.name)
            if member is None or tag not in member.tags:
                return
            if not endpoint.draining:
                client.tags({tag: tags.write(endpoint.drain())})
            if is_reserved(endpoint.service):
                client.tags({}, deleting=[tag])
            elif self._settings.role and member.tags.get("role") == self._settings.role:
                client.tags({tag: tags.OFF})
            else:
                client.tags({}, deleting=[tag])

    def _joiner(self) -> Joiner:
        settings = self._settings
        return Joiner(
            lambda stopped: connect(settings, stopped),
            settings.join if settings.managed else (),
            interval=settings.join_interval,
        )


def _ip(endpoint: Endpoint, settings: SerfSettings) -> str:
    try:
        return str(ipaddress.ip_address(endpoint.address))
    except ValueError as error:
        if not settings.managed:
            return ""
        raise SettingsError(
            f"register.address is {endpoint.address}: a member of Serf has an IP address"
        ) from error


def _check_identity(member: Member, endpoint: Endpoint) -> None:
    if member.name != endpoint.name:
        raise SettingsError(
            f"register.name is {endpoint.name}, the Serf member is named {member.name}: "
            "they have to be the same"
        )
    if member.address != endpoint.address:
        raise SettingsError(
            f"register.address is {endpoint.address}, the Serf member {member.name} has "
            f"{member.address}: they have to be the same (serf.bind, serf.advertise)"
        )
