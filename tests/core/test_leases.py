"""What entries live by: kept beside them, told with news, and no part of any endpoint."""

import pytest

from lbdisc import Endpoint, Lease, Problem, records
from lbdisc.entries import Entries
from lbdisc.leases import LeaseBook

S1 = Endpoint(service="nodes", name="s1", address="10.0.0.1", port=3000)
HELD = Lease(service="nodes", name="s1", by="lease 1f", ttl_s=10.0)


def filled() -> Entries[str]:
    entries = Entries[str]()
    entries.put("/nodes/s1", S1, by="lease 1f", ttl_s=10.0)
    return entries


def test_a_new_entry_s_lease_is_news_once() -> None:
    entries = filled()
    assert entries.take_leases() == (HELD,)
    assert entries.take_leases() == ()
    assert entries.snapshot().endpoints == (S1,)


def test_an_entry_that_went_has_the_lease_that_it_had_last() -> None:
    entries = filled()
    entries.lives_by("/nodes/s1", "lease 2e")
    entries.remove("/nodes/s1", end="expired", renewed_s=7.0)
    (gone,) = entries.take_leases()
    assert (gone.by, gone.ttl_s, gone.end, gone.renewed_s) == ("lease 2e", 10.0, "expired", 7.0)


def test_an_entry_that_turns_bad_is_gone() -> None:
    entries = filled()
    entries.take_leases()
    entries.put("/nodes/s1", Problem("/nodes/s1", "bad port"))
    assert entries.take_leases() == (HELD,)


def test_one_of_which_nothing_was_known_is_no_news() -> None:
    book = LeaseBook()
    book.gone(("nodes", "s1"), end="deleted")
    book.renamed(("nodes", "s1"), "lease 3")
    assert book.take() == ()


def test_what_a_registry_calls_it_is_short_and_harmless() -> None:
    lease = Lease(service="nodes", name="s1", by="\x1b[31m" + "x" * 500, ttl_s=float("nan"))
    assert lease.by.isprintable()
    assert len(lease.by) <= 100
    assert lease.ttl_s is None


@pytest.mark.parametrize(
    ("text", "ttl_s"),
    [
        (b'{"address":"10.0.0.1","port":80,"ttl":10.0,"owner":"x"}', 10.0),
        (b'{"ttl" : 2}', 2.0),
        (b'{"address":"10.0.0.1","tags":{"note":"\\"ttl\\":5,"}}', None),
        (b'{"tags":{"ttl":"5"}}', None),
        (b'{"ttl":0}', None),
        (b'{"ttl":-1}', None),
        (b'{"ttl":1e9}', None),
        (b"rubbish", None),
    ],
)
def test_the_ttl_of_a_record_is_found_without_parsing_it(text: bytes, ttl_s: float | None) -> None:
    assert records.ttl_in(text) == ttl_s
