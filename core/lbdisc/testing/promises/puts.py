"""Promises on what ``put`` and ``remove`` of an entry say and do, without the core's loop."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event

import pytest

from lbdisc.errors import RegistrarError
from lbdisc.hooks import Entry, Registrar
from lbdisc.register.holding import SHARE
from lbdisc.testing.backend import Backend
from lbdisc.testing.promises.common import never_fewer, sees
from lbdisc.testing.roles import Watching
from lbdisc.testing.waiting import eventually
from lbdisc.values import Endpoint, Snapshot

PUTS = 5  # at a third of the lease each: longer than the lease


class PutPromises:
    """What a registrar says of an entry is so, and another's entry is safe from it."""

    def test_what_is_put_is_there(self, backend: Backend) -> None:
        """When ``put`` is true the entry is there, when ``remove`` is over it is not."""
        backend.needs("register", "at_once")
        endpoint = backend.endpoint("s1")
        with _put(backend, backend.registrar("s1"), endpoint) as entry:
            with Watching(backend.discovery()) as watching:
                sees(watching, backend, endpoint)
            assert watching.seen.snapshots[0] == Snapshot.of([endpoint]), "it came later"
            entry.remove()
            with Watching(backend.discovery()) as later:
                sees(later, backend)
            assert later.seen.snapshots[0] == Snapshot(), "it went later"

    def test_anothers_entry_is_left_alone(self, backend: Backend) -> None:
        """While another holds a name ``put`` is false; neither it nor ``remove`` touches it."""
        backend.needs("register", "same_name")
        mine = backend.endpoint("s1")
        other = backend.endpoint("s1", port=mine.port + 1)
        with (
            Watching(backend.discovery()) as watching,
            _put(backend, backend.registrar("s1"), mine) as entry,
        ):
            sees(watching, backend, mine)
            since = watching.seen.count - 1
            with backend.registrar("s1").open(other, Event()) as second:
                assert not _asked(second, other), "it says that it holds what another holds"
                second.remove()
                assert not _asked(second, other), "it says so after a removal"
            assert _asked(entry, mine), "the holder lost its entry"
            _settle(backend, watching)
            listed = {e for s in watching.seen.snapshots[since:] for e in s.endpoints}
            assert {e for e in listed if e.name == "s1"} == {mine}, "it was touched"
            never_fewer(watching, [mine], since=since)
            entry.remove()

    def test_entry_that_another_took_over_is_left_alone(self, backend: Backend) -> None:
        """Who lost an entry to another neither writes over it nor takes it out."""
        backend.needs("register", "same_name", "wipe")
        loser = backend.endpoint("s1")
        other = backend.endpoint("s1", port=loser.port + 1)
        registrar = backend.registrar("s1")
        with Watching(backend.discovery()) as watching, ExitStack() as losing:
            lost = losing.enter_context(_put(backend, registrar, loser))
            sees(watching, backend, loser)
            backend.wipe()
            with _put(backend, backend.registrar("s1"), other) as entry:
                sees(watching, backend, other)
                since = watching.seen.count
                with suppress(RegistrarError), losing:  # it may have lost its connection as well
                    assert not _asked(lost, loser), "it says that it holds what another took over"
                    lost.remove()
                with registrar.open(loser, Event()) as again:
                    again.remove()
                _settle(backend, watching)
                never_fewer(watching, [other], since=since)
                sees(watching, backend, other)
                entry.remove()

    def test_entry_lives_on_while_it_is_put(self, backend: Backend) -> None:
        """An entry that is put every third of its lease outlives the lease, without a gap."""
        backend.needs("register")
        endpoint = backend.endpoint("s1")
        with (
            Watching(backend.discovery()) as watching,
            _put(backend, backend.registrar("s1"), endpoint) as entry,
        ):
            sees(watching, backend, endpoint)
            since = watching.seen.count
            for _ in range(PUTS):
                time.sleep(entry.lease / SHARE)
                assert _asked(entry, endpoint), "it was lost"
            _settle(backend, watching)
            never_fewer(watching, [endpoint], since=since)
            entry.remove()

    def test_entry_is_taken_up_again(self, backend: Backend) -> None:
        """An entry whose connection ended is taken up by the next, and never vanishes between."""
        backend.needs("register")
        registrar, endpoint = backend.registrar("s1"), backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            with _put(backend, registrar, endpoint):
                sees(watching, backend, endpoint)
            since = watching.seen.count
            with _put(backend, registrar, endpoint) as entry:
                _settle(backend, watching)
                never_fewer(watching, [endpoint], since=since)
                entry.remove()
            sees(watching, backend)

    def test_removed_entry_is_told(self, backend: Backend) -> None:
        """Where the registry tells of it, an entry that somebody removed is ``lost`` at once."""
        backend.needs("register", "wipe")  # who can take out all can take out this one
        endpoint = backend.endpoint("s1")
        with _put(backend, backend.registrar("s1"), endpoint) as entry:
            if entry.lost is None:
                pytest.skip("the registry tells nobody that an entry is gone")
            assert _asked(entry, endpoint)  # once more: the connection itself was news
            backend.remove(endpoint)
            assert entry.lost.wait(backend.patience), "the registrar was not told"
            assert _asked(entry, endpoint), "it does not come back"
            with Watching(backend.discovery()) as watching:
                sees(watching, backend, endpoint)
            entry.remove()


def _asked(entry: Entry, endpoint: Endpoint) -> bool:
    """One ``put``, as the core does it."""
    if entry.lost is not None:
        entry.lost.clear()
    return entry.put(endpoint)


@contextmanager
def _put(backend: Backend, registrar: Registrar, endpoint: Endpoint) -> Iterator[Entry]:
    """An entry that was put; a registry that was just wiped is given time."""
    with ExitStack() as stack:

        def done() -> Entry | None:
            try:
                with ExitStack() as attempt:
                    entry = attempt.enter_context(registrar.open(endpoint, Event()))
                    if _asked(entry, endpoint):
                        stack.push(attempt.pop_all())
                        return entry
            except RegistrarError as error:
                raise AssertionError(repr(error)) from error
            return None

        found = eventually(done, deadline=backend.patience, every=0.1, what=f"a put of {endpoint}")
        assert found is not None
        yield found


def _settle(backend: Backend, watching: Watching) -> None:
    """What a neighbour does is seen after all that was done before."""
    neighbour = backend.endpoint("s2")
    with _put(backend, backend.registrar("s2"), neighbour) as entry:
        came = f"{neighbour}"
        watching.until(lambda s: neighbour in s.endpoints, deadline=backend.patience, what=came)
        entry.remove()
    went = f"the end of {neighbour}"
    watching.until(lambda s: not s.get(neighbour.key), deadline=backend.patience, what=went)
