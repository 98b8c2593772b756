"""Each member of zookeeper.hosts asked by itself, for `lbdisc doctor`; nothing is written."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from threading import Event

from lbdisc.errors import LbdiscError, RegistrarError, WriteRefused
from lbdisc.examining import Diagnosis, Examination, fail, ok, warn
from lbdisc_zookeeper.client import ZooKeeperClient
from lbdisc_zookeeper.clock import clock_of_leader
from lbdisc_zookeeper.settings import ZooKeeperSettings, base_path, members
from lbdisc_zookeeper.signals import Gone, Interrupted, Taken

PATIENCE = 3.0  # seconds for a connection


def examinations(
    settings: ZooKeeperSettings, own: Sequence[tuple[str, str]]
) -> tuple[Examination, ...]:
    """One for each member, and one of the clock; ``own`` are entries that this machine writes."""
    asked = [Examination(m, partial(_member, m, settings, own)) for m in members(settings)]
    return (*asked, Examination("clock", partial(_clock, settings, own)))


def _member(
    member: str, settings: ZooKeeperSettings, own: Sequence[tuple[str, str]]
) -> Iterator[Diagnosis]:
    alone = replace(settings, hosts=(member,), connect_timeout=PATIENCE)
    root, began = base_path(settings.prefix, what="zookeeper.prefix"), time.monotonic()
    try:
        with ZooKeeperClient(
            alone, stop=Event(), failure=RegistrarError, tell=lambda _: None
        ) as client:
            yield from _reached(client, settings, root, began)
            for service, name in own if settings.format == "lbdisc" else ():
                yield _writable(client, f"{root}/{service}/{name}")
    except Interrupted as error:
        yield fail(f"the connection broke: {error}", "see its log")
    except LbdiscError as error:
        yield fail(str(error), "see that it runs and serves, and zookeeper.hosts")


def _reached(
    client: ZooKeeperClient, settings: ZooKeeperSettings, root: str, began: float
) -> Iterator[Diagnosis]:
    there = client.exists(root) if root else True
    ms = 1000 * (time.monotonic() - began)
    user = settings.sasl_user or settings.digest_user
    who = f", as {user}" if user else ""
    yield ok(f"answers in {ms:.0f} ms{who}, at transaction {client.revision}")
    if not there:
        yield warn(
            f"there is no {root} yet: nobody has registered",
            f"the first registration makes it; or see zookeeper.prefix ({root})",
        )
        return
    try:
        client.children(root)
    except LbdiscError as error:
        yield fail(str(error), f"setAcl -R {root} with a right to read, in zkCli")


def _writable(client: ZooKeeperClient, path: str) -> Diagnosis:
    """Asked by a transaction that is undone as a whole, of the first place that there is."""
    place = path
    try:
        while True:
            try:
                client.rehearse(place)
            except Gone:
                place = place.rpartition("/")[0]
                continue
            except Taken:
                pass  # it is there already, and could have been made
            return ok(f"{path} may be written (asked by a transaction that is undone)")
    except WriteRefused as error:
        return fail(str(error), f"setAcl in zkCli, at {place.rpartition('/')[0] or '/'}")


def _clock(settings: ZooKeeperSettings, own: Sequence[tuple[str, str]]) -> Iterator[Diagnosis]:
    """The leader's, whichever member is asked; that none answers is said of each of them."""
    root = base_path(settings.prefix, what="zookeeper.prefix")
    patient = replace(settings, connect_timeout=PATIENCE)
    try:
        with ZooKeeperClient(
            patient, stop=Event(), failure=RegistrarError, tell=lambda _: None
        ) as client:
            yield from clock_of_leader(client, root, own)
    except (Interrupted, LbdiscError):
        yield ok("the leader's clock is not compared: no member answers")
