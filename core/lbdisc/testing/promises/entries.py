"""Promises on entries that are no endpoint."""

from lbdisc.testing.backend import Backend
from lbdisc.testing.promises.common import holds, keys, sees
from lbdisc.testing.roles import Watching
from lbdisc.values import Snapshot


class EntryPromises:
    """One bad entry never harms the others, and is told."""

    def test_malformed_entries_are_skipped_and_reported(self, backend: Backend) -> None:
        """Malformed and hostile entries are skipped and reported by name; the others stay."""
        backend.needs("write_raw")
        good = backend.endpoint("good")
        backend.write(good)
        bad = {f"bad-{n}": what for n, what in enumerate(backend.hostile_records())}
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, good)
            for (name, _), value in zip(
                bad.items(), backend.hostile_records().values(), strict=True
            ):
                backend.write_raw("nodes", name, value)
            snapshot = watching.until(
                lambda s: _unreported(s, bad) == {},
                deadline=backend.patience,
                what=f"a problem for each of {bad}",
            )
        assert snapshot == Snapshot.of([good]), "a malformed entry was published"
        assert all("\n" not in str(problem) for problem in snapshot.problems)

    def test_malformed_entries_at_start_are_skipped(self, backend: Backend) -> None:
        """Malformed and hostile entries that are there at the start do not keep others out."""
        backend.needs("write_raw")
        for number, value in enumerate(backend.hostile_records().values()):
            backend.write_raw("nodes", f"bad-{number}", value)
        good = backend.endpoint("good")
        backend.write(good)
        with Watching(backend.discovery()) as watching:
            snapshot = sees(watching, backend, good)
        assert len(snapshot.problems) >= len(backend.hostile_records())

    def test_hostile_names_are_skipped_and_reported(self, backend: Backend) -> None:
        """Entries whose names break the rules are skipped and reported; the others stay."""
        backend.needs("write_raw", "bad_names")
        good = backend.endpoint("good")
        backend.write(good)
        names = backend.hostile_names()
        with Watching(backend.discovery()) as watching:
            for name in names:
                backend.write_raw("nodes", name, backend.valid_record(good))
            snapshot = watching.until(
                lambda s: len(s.problems) >= len(names) and holds(good)(s),
                deadline=backend.patience,
                what=f"a problem for each of {names}",
            )
        assert all(str(problem).isprintable() for problem in snapshot.problems)

    def test_mended_entry_is_published(self, backend: Backend) -> None:
        """A malformed entry that is mended is published, and its problem is over."""
        backend.needs("write_raw")
        endpoint = backend.endpoint("s1")
        with Watching(backend.discovery()) as watching:
            backend.write_raw("nodes", "s1", next(iter(backend.hostile_records().values())))
            watching.until(lambda s: s.problems, deadline=backend.patience, what="a problem")
            backend.write(endpoint)
            watching.until(
                lambda s: not s.problems and holds(endpoint)(s),
                deadline=backend.patience,
                what="the mended entry without a problem",
            )

    def test_entry_that_turns_bad_harms_no_other(self, backend: Backend) -> None:
        """A good entry that is overwritten with rubbish is reported; the others stay."""
        backend.needs("write_raw")
        spoilt, other = backend.endpoint("s1"), backend.endpoint("s2")
        backend.write(spoilt)
        backend.write(other)
        with Watching(backend.discovery()) as watching:
            sees(watching, backend, spoilt, other)
            rubbish = next(iter(backend.hostile_records().values()))
            backend.write_raw("nodes", "s1", rubbish)
            snapshot = watching.until(
                lambda s: s.problems, deadline=backend.patience, what="a problem"
            )
        assert other.key in keys(snapshot.endpoints)


def _unreported(snapshot: Snapshot, bad: dict[str, str]) -> dict[str, str]:
    """The entries in ``bad`` that no problem names."""
    places = " ".join(f"{problem.where} " for problem in snapshot.problems)
    return {
        name: what
        for name, what in bad.items()
        if not any(f"{name}{end}" in places for end in (" ", ".", "'", '"', ":", ",", "/", ")"))
    }
