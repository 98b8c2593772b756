"""Each member of etcd.endpoints asked by itself, for `lbdisc doctor`; nothing is written."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lbdisc.examining import Diagnosis, Examination, fail, ok, warn
from lbdisc_etcd.clock import clock_of
from lbdisc_etcd.failures import Denied, EtcdRefused, Failure, NoWrites, TooLarge
from lbdisc_etcd.patience import Patience
from lbdisc_etcd.settings import EtcdMember, EtcdSettings
from lbdisc_etcd.wire import Session

PATIENCE = 2.0  # seconds for one answer
# No key is ever at this revision: a transaction on that condition writes nothing, and is refused
# where its write would be (etcd's applier checks the rights of all branches before it compares).
NEVER = 2**62


def examinations(settings: EtcdSettings, own: Sequence[tuple[str, str]]) -> tuple[Examination, ...]:
    """One for each member; ``own`` are the entries that this machine writes."""
    return tuple(
        Examination(str(member), partial(_member, member, settings, own))
        for member in settings.members
    )


def _member(
    member: EtcdMember, settings: EtcdSettings, own: Sequence[tuple[str, str]]
) -> Iterator[Diagnosis]:
    began = time.monotonic()
    try:
        with Session(member, settings, patience=Patience(PATIENCE)) as session:
            session.login()
            yield from _reached(session, settings, began)
            if settings.format == "lbdisc":
                for service, name in own:
                    yield from _writable(session, f"{settings.prefix}/{service}/{name}")
        yield clock_of(member, settings, patience=PATIENCE)
    except Failure as failure:
        yield fail(str(failure), _remedy(failure, "see that it runs, and etcd.endpoints"))


def _reached(session: Session, settings: EtcdSettings, began: float) -> Iterator[Diagnosis]:
    start = f"{settings.prefix}/".encode()
    if failure := _refusal(lambda: session.read(start, start[:-1] + b"0", limit=1, keys_only=True)):
        if not isinstance(failure, Denied):
            raise failure
        yield warn(
            f"{failure}; an agent has to read them, a node that is only registered need not",
            _remedy(failure, "see etcd.prefix"),
        )
        return
    ms = 1000 * (time.monotonic() - began)
    who = f", logged in as {settings.user}" if settings.user else ""
    yield ok(f"answers in {ms:.0f} ms{who}; what is under {settings.prefix}/ may be read")


def _writable(session: Session, key: str) -> Iterator[Diagnosis]:
    failure = _refusal(lambda: session.put(key.encode(), b"", lease=0, over=NEVER))
    if failure is None or isinstance(failure, TooLarge):
        yield ok(f"{key} may be written (asked by a transaction that writes nothing)")
    elif isinstance(failure, Denied | NoWrites):
        yield fail(str(failure), _remedy(failure, "see etcd.user"))
    else:
        raise failure


def _refusal(ask: Callable[[], object]) -> Failure | None:
    try:
        ask()
    except Failure as failure:
        return failure
    return None


def _remedy(failure: Failure, otherwise: str) -> str:
    if isinstance(failure, Denied):
        return str(failure).partition(": ")[2].removesuffix(" (see etcd.prefix)")
    if isinstance(failure, NoWrites):
        return "etcdctl alarm list; compact, defragment, then etcdctl alarm disarm"
    if isinstance(failure, EtcdRefused):
        return "correct the setting that it names"
    return otherwise
