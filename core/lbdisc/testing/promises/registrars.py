"""Promises on registrars, seen through a discovery of the same registry."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from lbdisc.abilities import Reclaims
from lbdisc.testing.backend import OWN_SERVICE, Backend
from lbdisc.testing.promises.common import TAGS, never_fewer, sees
from lbdisc.testing.registrar_process import RegistrarProcess
from lbdisc.testing.roles import Holding, Watching

CROWD = 5
OWNER = "0123456789abcdef"


class RegistrarPromises:
    """Registered while held, gone when left or dead, back by itself."""

    def test_held_endpoint_is_published(self, backend: Backend) -> None:
        """An endpoint that a registrar holds is published."""
        backend.needs("register")
        endpoint = backend.endpoint("s1")
        with (
            Watching(backend.discovery()) as watching,
            Holding(backend.registrar("s1"), endpoint),
        ):
            sees(watching, backend, endpoint)

    def test_own_service_travels_like_any_other(self, backend: Backend) -> None:
        """A service of lbdisc's own, which begins with _, is held and published like any other."""
        backend.needs("register", "own_services")
        node = backend.endpoint("s1")
        agent = backend.endpoint("lb1", service=OWN_SERVICE)
        with (
            Watching(backend.discovery()) as watching,
            Holding(backend.registrar("s1"), node),
        ):
            with Holding(backend.registrar("lb1"), agent):
                sees(watching, backend, node, agent)
            sees(watching, backend, node)

    def test_change_while_held_is_published(self, backend: Backend) -> None:
        """Weight and state that change while an endpoint is held are published."""
        backend.needs("register")
        endpoint = backend.endpoint("s1")
        with (
            Watching(backend.discovery()) as watching,
            Holding(backend.registrar("s1"), endpoint) as holding,
        ):
            sees(watching, backend, endpoint)
            if "states" not in backend.cannot:
                sees(watching, backend, holding.change(state="draining"))
                sees(watching, backend, holding.change(state="ready"))
            if "weights" not in backend.cannot:
                sees(watching, backend, holding.change(weight=7))

    def test_tags_are_kept_while_held(self, backend: Backend) -> None:
        """Tags of a held endpoint are published, one of 300 characters too, and kept up to date."""
        backend.needs("register", "tags")
        endpoint = replace(backend.endpoint("s1"), tags=TAGS[1])
        with (
            Watching(backend.discovery()) as watching,
            Holding(backend.registrar("s1"), endpoint) as holding,
        ):
            sees(watching, backend, endpoint)
            for tags in TAGS:
                sees(watching, backend, holding.change(tags=tags))

    def test_clean_leave_is_draining_first(self, backend: Backend) -> None:
        """A registrar that is stopped leaves at once, and is published as draining before."""
        backend.needs("register", "clean_leave")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            with Holding(backend.registrar("s1"), endpoint) as holding:
                holding.held(deadline=backend.patience)
                sees(watching, backend, endpoint)
            sees(watching, backend)
        assert watching.seen.states_of(endpoint)[-3:] == ["ready", "draining", "out"]

    def test_all_that_leave_at_once_are_draining_first(self, backend: Backend) -> None:
        """Several that are stopped at once are each published as draining before they go."""
        backend.needs("register", "clean_leave")
        there = [backend.endpoint(f"s{number}") for number in range(CROWD)]
        with Watching(backend.discovery()) as watching, ExitStack() as stack:
            crowd = [Holding(backend.registrar(e.name), e) for e in there]
            for holding in crowd:
                stack.enter_context(holding).held(deadline=backend.patience)
            sees(watching, backend, *there)
            for holding in crowd:
                holding.leave()
            stack.close()
            sees(watching, backend)
        for endpoint in there:
            states = watching.seen.states_of(endpoint)
            assert states[-3:] == ["ready", "draining", "out"], f"{endpoint.name}: {states}"

    def test_left_endpoint_stays_away(self, backend: Backend) -> None:
        """What a stopped registrar held is gone, for those who come later as well."""
        backend.needs("register")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            with Holding(backend.registrar("s1"), endpoint):
                sees(watching, backend, endpoint)
            sees(watching, backend)
        with Watching(backend.discovery()) as later:
            sees(later, backend)

    def test_drained_endpoint_leaves(self, backend: Backend) -> None:
        """An endpoint that was drained while held goes when its registrar stops."""
        backend.needs("register", "states")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            with Holding(backend.registrar("s1"), endpoint) as holding:
                sees(watching, backend, endpoint)
                sees(watching, backend, holding.change(state="draining"))
            sees(watching, backend)

    def test_rejoin_under_the_same_name(self, backend: Backend) -> None:
        """An endpoint that left may come back under its name at once."""
        backend.needs("register")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            for _ in range(2):
                with Holding(backend.registrar("s1"), endpoint):
                    sees(watching, backend, endpoint)
                sees(watching, backend)

    def test_entry_names_its_lease(self, backend: Backend) -> None:
        """What an entry lives by is named when it comes and when it goes, and is the same."""
        backend.needs("register", "leases")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            with Holding(backend.registrar("s1"), endpoint):
                sees(watching, backend, endpoint)
            sees(watching, backend)
        leases = watching.seen.leases_of(endpoint)
        assert leases, "nothing was said of what it lives by"
        assert {lease.by for lease in leases} == {leases[0].by}
        assert leases[0].by
        assert not leases[0].end

    def test_crash_is_seen(self, backend: Backend, tmp_path: Path) -> None:
        """A registrar killed by kill -9 is left out within its ttl and the system's delay."""
        backend.needs("register", "expire")
        crashed, other = backend.endpoint("s1"), backend.endpoint("s2")
        with (
            Watching(backend.discovery()) as watching,
            Holding(backend.registrar("s2"), other),
            backend.spawn(crashed, tmp_path) as process,
        ):
            sees(watching, backend, crashed, other)
            process.crash()
            sees(watching, backend, other, deadline=backend.detection)

    def test_crash_while_draining_is_seen(self, backend: Backend, tmp_path: Path) -> None:
        """A draining entry has its lease: killed while it drains, it is left out like any other."""
        backend.needs("register", "expire", "states")
        endpoint = backend.endpoint("s1")
        with (
            Watching(backend.discovery()) as watching,
            backend.spawn(endpoint, tmp_path) as process,
        ):
            sees(watching, backend, endpoint)
            process.drain()
            watching.until(
                lambda s: [e.state for e in s.endpoints] == ["draining"],
                deadline=backend.patience,
                what=f"{endpoint} as draining",
            )
            process.crash()
            sees(watching, backend, deadline=backend.detection)

    def test_rejoin_after_a_crash(self, backend: Backend, tmp_path: Path) -> None:
        """After a crash a new registrar of the same name holds the endpoint again."""
        backend.needs("register", "expire")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            with backend.spawn(endpoint, tmp_path) as process:
                sees(watching, backend, endpoint)
                process.crash()
            moved = backend.endpoint("s1", port=endpoint.port + 1)
            with backend.spawn(moved, tmp_path):
                deadline = backend.detection + backend.patience
                sees(watching, backend, moved, deadline=deadline)

    def test_own_entry_is_taken_up_after_a_crash(self, backend: Backend, tmp_path: Path) -> None:
        """One that is killed and started again as the same (`Reclaims`) waits for no lease."""
        backend.needs("register", "expire")
        endpoint = backend.endpoint("s1")
        registrar = backend.registrar("s1")
        if not isinstance(registrar, Reclaims):
            pytest.skip("this registrar does not reclaim")
        registrar.reclaim_as(OWNER)
        with Watching(backend.discovery()) as watching:
            with RegistrarProcess(
                backend.name,
                backend.node_settings("s1"),
                endpoint,
                log=tmp_path / "s1.log",
                plugin=backend.plugin,
                owner=OWNER,
            ) as process:
                sees(watching, backend, endpoint)
                process.crash()
            since = len(watching.seen.snapshots)
            with Holding(registrar, endpoint) as holding:
                holding.held(deadline=backend.patience)
                moved = holding.change(port=endpoint.port + 1)
                sees(watching, backend, moved)
                never_fewer(watching, [endpoint], since=since)
                assert holding.rivals == []

    def test_frozen_registrar_goes_and_returns(self, backend: Backend, tmp_path: Path) -> None:
        """A registrar frozen by SIGSTOP loses its lease or session; woken, it registers again."""
        backend.needs("register", "expire")
        endpoint = backend.endpoint("s1")
        with (
            Watching(backend.discovery()) as watching,
            backend.spawn(endpoint, tmp_path) as process,
        ):
            sees(watching, backend, endpoint)
            process.pause()
            sees(watching, backend, deadline=backend.detection)
            process.resume()
            sees(watching, backend, endpoint)
