"""Each server of doozer.servers asked by itself, for `lbdisc doctor`; no file is written."""

import time
from collections.abc import Iterator, Sequence
from functools import partial

from lbdisc.examining import Diagnosis, Examination, fail, ok
from lbdisc_doozer.connection import DoozerConnection
from lbdisc_doozer.failures import DoozerDenied, DoozerFailure, ReadOnly
from lbdisc_doozer.messages import Request, Verb
from lbdisc_doozer.settings import DoozerSettings, ServerPlace

PATIENCE = 2.0  # seconds for one answer


def examinations(
    settings: DoozerSettings, own: Sequence[tuple[str, str]]
) -> tuple[Examination, ...]:
    """One for each server; whether we may write is asked if there are ``own`` entries."""
    return tuple(
        Examination(str(place), partial(_server, place, settings, bool(own)))
        for place in settings.places
    )


def _server(place: ServerPlace, settings: DoozerSettings, writes: bool) -> Iterator[Diagnosis]:
    began = time.monotonic()
    try:
        with DoozerConnection(place, settings, timeout=PATIENCE) as connection:
            connection.begin()
            revision = connection.ask(Request(Verb.REV)).rev
            ms = 1000 * (time.monotonic() - began)
            yield ok(f"answers in {ms:.0f} ms, at revision {revision}")
            if writes:
                yield _writable(connection)
    except DoozerDenied as error:
        yield fail(str(error), "set doozer.secret to the server's DOOZER_RWSECRET")
    except DoozerFailure as error:
        yield fail(str(error), "see that it runs, and doozer.servers")


def _writable(connection: DoozerConnection) -> Diagnosis:
    """By a NOP: it needs the right to write, goes through consensus and changes no file."""
    try:
        connection.ask(Request(Verb.NOP))
    except (DoozerDenied, ReadOnly) as error:
        return fail(
            f"it takes no writes of ours: {error}",
            "set doozer.secret to DOOZER_RWSECRET, not to DOOZER_ROSECRET",
        )
    return ok("files may be written (asked by a NOP, which changes none)")
