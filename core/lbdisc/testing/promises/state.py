"""Promises on what a discovery publishes while nothing is broken."""

from dataclasses import replace

import pytest

from lbdisc.abilities import Narrows
from lbdisc.testing.backend import NEIGHBOURS, Backend
from lbdisc.testing.promises.common import TAGS, sees
from lbdisc.testing.roles import Watching
from lbdisc.values import Snapshot


class StatePromises:
    """Whole state at once, every change after it, services apart, order of no meaning."""

    def test_empty_at_start(self, backend: Backend) -> None:
        """An empty registry is published as an empty snapshot at once."""
        with Watching(backend.discovery()) as watching:
            assert sees(watching, backend) == Snapshot()

    def test_state_at_start_comes_first(self, backend: Backend) -> None:
        """What is there before the watch begins is, all of it, the first snapshot."""
        there = [backend.endpoint(name) for name in ("s1", "s2", "s3")]
        for endpoint in there:
            backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, *there)
        assert watching.seen.snapshots[0] == Snapshot.of(there)

    def test_added_endpoint_is_published(self, backend: Backend) -> None:
        """An endpoint that comes is published."""
        first, second = backend.endpoint("s1"), backend.endpoint("s2")
        with Watching(backend.discovery()) as watching:
            sees(watching, backend)
            backend.write(first)
            sees(watching, backend, first)
            backend.write(second)
            sees(watching, backend, first, second)

    def test_removed_endpoint_is_left_out(self, backend: Backend) -> None:
        """An endpoint that goes is left out, and only that one."""
        first, second = backend.endpoint("s1"), backend.endpoint("s2")
        backend.write(first)
        backend.write(second)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, first, second)
            backend.remove(first)
            sees(watching, backend, second)

    def test_returned_endpoint_is_published(self, backend: Backend) -> None:
        """An endpoint that went and comes back is published again."""
        endpoint = backend.endpoint("s1")
        backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, endpoint)
            backend.remove(endpoint)
            sees(watching, backend)
            backend.write(endpoint)
            sees(watching, backend, endpoint)

    def test_changed_weight_is_published(self, backend: Backend) -> None:
        """A changed weight is published, down to 0 and back."""
        backend.needs("weights")
        endpoint = backend.endpoint("s1")
        backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            for weight in (1, 0, 256):
                endpoint = replace(endpoint, weight=weight)
                backend.write(endpoint)
                sees(watching, backend, endpoint)

    def test_changed_state_is_published(self, backend: Backend) -> None:
        """A changed state is published: draining, and ready again."""
        backend.needs("states")
        endpoint = backend.endpoint("s1")
        backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, endpoint)
            backend.write(endpoint.drain())
            sees(watching, backend, endpoint.drain())
            backend.write(endpoint)
            sees(watching, backend, endpoint)

    def test_changed_port_is_published(self, backend: Backend) -> None:
        """A changed port is published, under the same name."""
        endpoint = backend.endpoint("s1")
        backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, endpoint)
            moved = replace(endpoint, port=endpoint.port + 1)
            backend.write(moved)
            sees(watching, backend, moved)

    def test_changed_address_is_published(self, backend: Backend) -> None:
        """A changed address is published."""
        self._moves(backend, "10.0.0.99")

    def test_ipv6_address_is_published(self, backend: Backend) -> None:
        """An endpoint may have an IPv6 address."""
        backend.needs("ipv6")
        self._moves(backend, "2001:db8::7")

    def test_host_name_is_published(self, backend: Backend) -> None:
        """An endpoint may have a host name for an address; it is published as it is."""
        backend.needs("names")
        self._moves(backend, "s1.example.org")

    def _moves(self, backend: Backend, address: str) -> None:
        backend.needs("addresses")
        endpoint = backend.endpoint("s1")
        backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, endpoint)
            moved = replace(endpoint, address=address)
            backend.write(moved)
            sees(watching, backend, moved)

    def test_tags_are_published(self, backend: Backend) -> None:
        """Tags are published, one of 300 characters too, and each change of them."""
        backend.needs("tags")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            for tags in TAGS:
                endpoint = replace(endpoint, tags=tags)
                backend.write(endpoint)
                sees(watching, backend, endpoint)

    def test_order_never_matters(self, backend: Backend) -> None:
        """Equal states are equal snapshots, in whatever order the entries came."""
        there = [backend.endpoint(name) for name in ("s1", "s2", "s10")]
        with Watching(backend.discovery()) as watching:
            for endpoint in there:
                backend.write(endpoint)
            one = sees(watching, backend, *there)
            for endpoint in there:
                backend.remove(endpoint)
            sees(watching, backend)
            for endpoint in reversed(there):
                backend.write(endpoint)
            other = sees(watching, backend, *there)
        with Watching(backend.discovery()) as anew:
            assert one == other == sees(anew, backend, *there)

    def test_services_stay_apart(self, backend: Backend) -> None:
        """The same name in two services is two endpoints; one goes, the other stays."""
        backend.needs("services")
        web, api = (backend.endpoint("s1", service=service) for service in ("web", "api"))
        backend.write(web)
        backend.write(api)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, web, api)
            backend.remove(api)
            sees(watching, backend, web)

    def test_prefix_neighbours_stay_apart(self, backend: Backend) -> None:
        """Services and names that begin alike are never taken for each other."""
        backend.needs("services")
        there = [
            backend.endpoint(name, service=service)
            for service, name in (
                ("web", "s1"),
                ("web", "s10"),
                *((service, "s1") for service in NEIGHBOURS),
            )
        ]
        for endpoint in there:
            backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, *there)
            backend.remove(there[0])
            sees(watching, backend, *there[1:])

    def test_one_service_can_be_read_alone(self, backend: Backend) -> None:
        """A discovery that narrows (`Narrows`) publishes one service alone, from the start on."""
        backend.needs("services")
        web, api = (backend.endpoint("s1", service=service) for service in ("web", "api"))
        for endpoint in (web, api):
            backend.write(endpoint)
        discovery = backend.discovery()
        narrow = discovery.only("web") if isinstance(discovery, Narrows) else None
        if narrow is None:
            pytest.skip("this discovery does not narrow")
        with Watching(narrow) as watching:
            sees(watching, backend, web)
            backend.remove(api)
            backend.write(more := backend.endpoint("s2", service="web"))
            sees(watching, backend, web, more)
            backend.remove(web)
            backend.remove(more)
            sees(watching, backend)
            backend.write(web)
            sees(watching, backend, web)
        assert {e.service for s in watching.seen.snapshots for e in s.endpoints} == {"web"}

    def test_watchers_agree(self, backend: Backend) -> None:
        """Two discoveries of one registry come to the same snapshot."""
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as one, Watching(backend.discovery()) as other:
            backend.write(endpoint)
            assert sees(one, backend, endpoint) == sees(other, backend, endpoint)

    def test_watch_may_be_called_again(self, backend: Backend) -> None:
        """A discovery that was stopped may watch again, and begins with the whole state."""
        first, second = backend.endpoint("s1"), backend.endpoint("s2")
        discovery = backend.discovery()
        backend.write(first)
        with Watching(discovery) as watching:
            sees(watching, backend, first)
        backend.write(second)
        with Watching(discovery) as again:
            sees(again, backend, first, second)
        assert again.seen.snapshots[0] == Snapshot.of([first, second])
