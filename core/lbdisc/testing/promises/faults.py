"""Promises on a registry that breaks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lbdisc.testing.backend import Ability, Backend
from lbdisc.testing.promises.common import never_fewer, sees
from lbdisc.testing.roles import SLACK, Holding, Watching

CHANGES = 10  # by others, so that what was set up anew is past what it replaces
LAST_WORDS = 3.0  # seconds for a farewell, and a last attempt over another connection


class FaultPromises:
    """The last state stays while the registry is away, and everything comes back by itself."""

    def test_lost_connection_never_publishes_fewer(self, backend: Backend) -> None:
        """A lost connection is a DiscoveryError and never publishes fewer endpoints."""
        backend.needs("cut")
        there = [backend.endpoint(name) for name in ("s1", "s2")]
        for endpoint in there:
            backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, *there)
            since = watching.seen.count
            backend.cut()
            watching.failed(deadline=backend.patience)
            backend.heal()
            late = backend.endpoint("s3")
            backend.write(late)
            sees(watching, backend, *there, late)
            never_fewer(watching, there, since=since)

    def test_changes_during_a_cut_are_seen_after_it(self, backend: Backend) -> None:
        """What came, changed and went while the connection was lost is published after it."""
        backend.needs("cut")
        gone, moved = backend.endpoint("s1"), backend.endpoint("s2")
        backend.write(gone)
        backend.write(moved)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, gone, moved)
            backend.cut()
            watching.failed(deadline=backend.patience)
            backend.remove(gone)
            moved = replace(moved, port=moved.port + 1)
            backend.write(moved)
            backend.write(backend.endpoint("s3"))
            backend.heal()
            sees(watching, backend, moved, backend.endpoint("s3"))

    def test_stall_is_noticed_and_outlived(self, backend: Backend) -> None:
        """A registry that is connected but silent is a DiscoveryError; awake, it is followed."""
        backend.needs("stall")
        there = [backend.endpoint(name) for name in ("s1", "s2")]
        for endpoint in there:
            backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, *there)
            since = watching.seen.count
            backend.stall()
            watching.failed(deadline=backend.patience)
            backend.heal()
            late = backend.endpoint("s3")
            backend.write(late)
            sees(watching, backend, *there, late)
            never_fewer(watching, there, since=since)

    def test_restart_of_the_server(self, backend: Backend) -> None:
        """A restarted server changes nothing that is published, and is followed again."""
        self._outlives(backend, "restart", backend.restart)

    def test_restart_of_all_members(self, backend: Backend) -> None:
        """When all members restart, nothing published gets less, and they are followed again."""
        self._outlives(backend, "restart_all", backend.restart_all)

    def test_loss_of_the_leader(self, backend: Backend) -> None:
        """When the leader dies, nothing published gets less, and the others are followed."""
        self._outlives(backend, "kill_leader", backend.kill_leader)

    def _outlives(self, backend: Backend, ability: Ability, fault: Callable[[], None]) -> None:
        backend.needs(ability)
        there = [backend.endpoint(name) for name in ("s1", "s2")]
        for endpoint in there:
            backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, *there)
            since = watching.seen.count
            fault()
            late = backend.endpoint("s3")
            backend.write(late)
            sees(watching, backend, *there, late)
            never_fewer(watching, there, since=since)

    def test_registrar_outlives_a_restart(self, backend: Backend) -> None:
        """A held endpoint is held again by itself after all servers restarted."""
        backend.needs("register", "restart_all")
        endpoint = backend.endpoint("s1")
        with Holding(backend.registrar("s1"), endpoint) as holding:
            with Watching(backend.discovery()) as watching:
                sees(watching, backend, endpoint)
            backend.restart_all()
            with Watching(backend.discovery()) as watching:
                deadline = backend.detection + backend.patience
                sees(watching, backend, endpoint, deadline=deadline)
                if "states" not in backend.cannot:
                    changed = holding.change(state="draining")
                    sees(watching, backend, changed, deadline=deadline)

    def test_stop_while_cut_off_tells_what_stays(self, backend: Backend) -> None:
        """A registrar stopped while it is cut off ends soon, and says whether its entry stays."""
        backend.needs("register", "cut", "expire")
        endpoint = backend.endpoint("s1")
        holding = Holding(backend.registrar("s1"), endpoint)
        with holding, Watching(backend.discovery()) as watching:
            sees(watching, backend, endpoint)
            holding.held(deadline=backend.patience)
            backend.cut()
        assert holding.stopped_in < LAST_WORDS + SLACK
        assert holding.end is not None
        assert holding.end.held
        backend.heal()
        deadline = backend.patience
        if holding.end.error is not None:  # the entry may be there as long as its lease
            assert holding.end.expires_s > 0
            deadline += backend.detection
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, deadline=deadline)

    def test_wiped_registry_is_filled_again(self, backend: Backend) -> None:
        """After all data is lost, held endpoints are registered again by themselves."""
        backend.needs("register", "wipe")
        endpoint, stale = backend.endpoint("s1"), backend.endpoint("s2")
        backend.write(stale)
        with (
            Watching(backend.discovery()) as watching,
            Holding(backend.registrar("s1"), endpoint),
        ):
            sees(watching, backend, endpoint, stale)
            backend.wipe()
            deadline = backend.detection + backend.patience
            sees(watching, backend, endpoint, deadline=deadline)

    def test_another_history_is_followed(self, backend: Backend) -> None:
        """What is set up anew while nobody looks, and written to since, is all that is published.

        However much its names, its place and the number of its changes are those of the old one.
        """
        backend.needs("cut", "wipe")
        old = [backend.endpoint(name) for name in ("s1", "s2")]
        for endpoint in old:
            backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, *old)
            backend.cut()
            watching.failed(deadline=backend.patience)
            backend.wipe()
            new = replace(old[1], port=old[1].port + 1)
            for endpoint in (*old, *[new] * CHANGES):
                backend.write(endpoint)
            backend.remove(old[0])
            backend.heal()
            sees(watching, backend, new)
            late = backend.endpoint("s3")
            backend.write(late)
            sees(watching, backend, new, late)

    def test_held_endpoint_comes_into_another_history(self, backend: Backend) -> None:
        """A held endpoint is registered in what was set up anew while nobody looked."""
        backend.needs("register", "cut", "wipe")
        endpoint, other = backend.endpoint("s1"), backend.endpoint("s2")
        with Holding(backend.registrar("s1"), endpoint) as holding:
            holding.held(deadline=backend.patience)
            backend.cut()
            backend.wipe()
            for _ in range(CHANGES):
                backend.write(other)
            backend.heal()
            with Watching(backend.discovery()) as watching:
                deadline = backend.detection + backend.patience
                sees(watching, backend, endpoint, other, deadline=deadline)
            holding.held(deadline=backend.patience)

    def test_compacted_history_loses_nothing(self, backend: Backend) -> None:
        """A watch whose place in the history was compacted away lists anew, and misses nothing."""
        backend.needs("compact", "cut")
        there = [backend.endpoint(name) for name in ("s1", "s2")]
        for endpoint in there:
            backend.write(endpoint)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, *there)
            backend.cut()
            watching.failed(deadline=backend.patience)
            backend.remove(there[0])
            late = backend.endpoint("s3")
            backend.write(late)
            backend.compact()
            backend.heal()
            sees(watching, backend, there[1], late)

    def test_unreachable_at_start(self, backend: Backend) -> None:
        """An unreachable registry is a DiscoveryError: no hang, no SettingsError, no snapshot."""
        backend.needs("cut", "start_unreachable")
        endpoint = backend.endpoint("s1")
        backend.write(endpoint)
        backend.cut()
        with Watching(backend.discovery()) as watching:
            watching.failed(deadline=backend.patience)
            assert watching.seen.count == 0
            backend.heal()
            sees(watching, backend, endpoint)

    def test_registrar_waits_for_an_unreachable_registry(self, backend: Backend) -> None:
        """A registrar whose registry is unreachable raises RegistrarError and succeeds later."""
        backend.needs("register", "cut", "start_unreachable")
        endpoint = backend.endpoint("s1")
        backend.cut()
        with Holding(backend.registrar("s1"), endpoint) as holding:
            holding.failed(deadline=backend.patience)
            backend.heal()
            with Watching(backend.discovery()) as watching:
                sees(watching, backend, endpoint)

    def test_crash_during_a_cut(self, backend: Backend, tmp_path: Path) -> None:
        """A registrar that died while the connection was lost is left out after it."""
        backend.needs("register", "expire", "cut")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            with backend.spawn(endpoint, tmp_path) as process:
                sees(watching, backend, endpoint)
                backend.cut()
                watching.failed(deadline=backend.patience)
                process.crash()
            backend.heal()
            deadline = backend.detection + backend.patience
            sees(watching, backend, deadline=deadline)
