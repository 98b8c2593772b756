"""What a way costs: packets, processor, memory and disk, while nothing happens and in joins."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller

from lbdisc.testing.waiting import eventually
from lbdisc_compare.contenders.contender import Contender, Deployment, Size
from lbdisc_compare.hosts.host import Separable
from lbdisc_compare.measures.accounts import footprints
from lbdisc_compare.measures.books import Bill, Books
from lbdisc_compare.measures.measure import Figure, Need, Scale, Section, Sitting

STAY = "stay{}"
COME = "come{}"
SPREAD = 4.0  # seconds after the last registration in which news still spreads
REST = 2.0  # seconds after leaves, before the next joins
VISIBLE = 60.0  # seconds until the balancers have all; catches a hang

ROLES = (
    "``role``: the registry's servers, the nodes (their registrars, not their web apps), the "
    "balancers (with what keeps them in step). A host with two roles counts under the first. "
    "Nobody checks the nodes' health meanwhile, and nobody sends requests. "
)
WIRE = (
    "Counted as each host sends it to another one: with TCP an acknowledgement is a packet too. "
    "What a client of ours writes to a registry is not counted, so ways whose nodes have no "
    "registrar of their own join with the news alone. "
)
IDLE_MESSAGES = Figure(
    name="idle_messages",
    title="Idle: messages per node",
    unit="messages/s",
    explained=f"IP packets, divided by the nodes. {WIRE}{ROLES}",
)
IDLE_BYTES = Figure(
    name="idle_bytes",
    title="Idle: bytes per node",
    unit="bytes/s",
    explained=f"With the headers of IP, divided by the nodes. {WIRE}{ROLES}",
)
IDLE_CPU = Figure(
    name="idle_cpu",
    title="Idle: processor of a host",
    unit="share",
    explained=f"Of one core, by program; children that ended count with it. {ROLES}",
)
IDLE_WRITTEN = Figure(
    name="idle_written",
    title="Idle: written to disk by a host",
    unit="bytes/s",
    explained=f"Whole pages, as the kernel accounts them to a program. {ROLES}",
)
PER_JOIN = (
    "25 nodes join side by side: from the start of their registrars until 4 s after the last "
    "registration, without what is used anyway in that time, divided by the joins. The reload that "
    "lbdisc does 5 to 15 s later, once for all, is not in it (HAProxy before 3.0). "
)
JOIN_MESSAGES = Figure(
    name="messages_per_join",
    title="A join: messages of all hosts",
    unit="count",
    explained=f"{PER_JOIN}{WIRE}{ROLES}",
)
JOIN_BYTES = Figure(
    name="bytes_per_join",
    title="A join: bytes of all hosts",
    unit="count",
    explained=f"{PER_JOIN}{WIRE}{ROLES}",
)
JOIN_CPU = Figure(
    name="cpu_per_join",
    title="A join: processor",
    unit="ms",
    explained="Of one core, of all hosts of a role. The start of the new node's registrar counts. "
    f"{PER_JOIN}{ROLES}",
)
JOIN_WRITTEN = Figure(
    name="written_per_join",
    title="A join: bytes written to disk",
    unit="count",
    explained=f"Whole pages, of all hosts of a role. {PER_JOIN}{ROLES}",
)
MEMORY = Figure(
    name="memory",
    title="Memory of a process",
    unit="MB",
    explained="``of``: rss with all that it shares, pss with its share of that, uss without. After "
    f"the idle time. {ROLES}",
)


class Cost:
    """``cost``: nodes with registrars of their own, each on a host."""

    name = "cost"
    title = "Messages, processor, memory and disk"
    section: Section = "cost"
    figures = (
        IDLE_MESSAGES,
        IDLE_BYTES,
        IDLE_CPU,
        IDLE_WRITTEN,
        JOIN_MESSAGES,
        JOIN_BYTES,
        JOIN_CPU,
        JOIN_WRITTEN,
        MEMORY,
    )
    needs: frozenset[Need] = frozenset({"namespaces"})

    def rounds(self, scale: Scale) -> int:
        return 1

    def seconds(self, contender: Contender, scale: Scale) -> float:
        starts = 4.0 + 0.4 * scale.nodes
        joins = self.batches(scale) * (SPREAD + REST + 0.25 * self.at_once)
        return starts + self.calm(scale) + self.idle(scale) + joins

    def calm(self, scale: Scale) -> float:
        """Seconds until all has settled: lbdisc's coalesced reload comes within 15 s."""
        return scale.count(15, 2)

    def idle(self, scale: Scale) -> float:
        """Seconds: several leases, and most of a period of lbdisc's looks at HAProxy (30 s)."""
        return scale.count(20, 4)

    at_once = 25  # joins side by side

    def batches(self, scale: Scale) -> int:
        """100 joins, or none: they take a minute."""
        return scale.count(4, 0)

    def run(self, contender: Contender, sitting: Sitting) -> None:
        scale = sitting.scale
        assert isinstance(sitting.hosts, Separable)
        with contender.deploy(sitting.hosts, Size(checks=False)) as deployment:
            stay = [STAY.format(number) for number in range(1, scale.nodes + 1)]
            come = [COME.format(number) for number in range(1, self.at_once + 1)]
            places = [deployment.place(name)[0] for name in (*stay, *come)]
            books = Books(deployment, deployment.register_all(stay), places)
            wait_for(deployment, stay)
            time.sleep(self.calm(scale))
            before = books.read()
            time.sleep(self.idle(scale))
            idle = books.read() - before
            tell_idle(sitting, idle, books)
            tell_memory(sitting, books)
            if not self.batches(scale):
                for figure in (JOIN_MESSAGES, JOIN_BYTES, JOIN_CPU, JOIN_WRITTEN):
                    sitting.absent("only in a full run", figure)
            for _ in range(self.batches(scale)):
                tell_joins(sitting, come_and_go(books, come).without(idle), len(come))


def wait_for(deployment: Deployment, names: Sequence[str]) -> None:
    """Returns when every balancer has all of ``names``."""

    def all_have_them() -> bool:
        return all(set(names) <= seat.servers().keys() for seat in deployment.seats)

    eventually(all_have_them, deadline=VISIBLE, every=0.2, what="all nodes at all balancers")


def come_and_go(books: Books, names: Sequence[str]) -> Bill:
    """They join side by side, which is on the bill, and leave again, which is not."""
    before = books.read()
    nodes = books.deployment.register_all(names)
    books.nodes += nodes
    time.sleep(SPREAD)
    bill = books.read() - before
    wait_for(books.deployment, names)  # only now: to ask a balancer may take packets
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(methodcaller("leave"), nodes))
    for node in nodes:
        books.nodes.remove(node)
    time.sleep(REST)
    return bill


def tell_idle(sitting: Sitting, idle: Bill, books: Books) -> None:
    nodes = sitting.scale.nodes
    where = {"nodes": nodes, "seconds": round(idle.seconds)}
    for role, value in idle.roles(idle.packets).items():
        sitting.sample(IDLE_MESSAGES, value / idle.seconds / nodes, role=role, **where)
    for role, value in idle.roles(idle.bytes).items():
        sitting.sample(IDLE_BYTES, value / idle.seconds / nodes, role=role, **where)
    for (role, program), account in idle.accounts.items():
        hosts = books.count(role)
        who = {"role": role, "program": program, "hosts": hosts, **where}
        sitting.sample(IDLE_CPU, account.cpu / idle.seconds / hosts, **who)
        sitting.sample(IDLE_WRITTEN, account.written / idle.seconds / hosts, **who)


def tell_memory(sitting: Sitting, books: Books) -> None:
    for role, part in books.parts:
        for found in footprints(part.pids):
            who = {"role": role, "program": found.program, "nodes": sitting.scale.nodes}
            for name, value in (("rss", found.rss), ("pss", found.pss), ("uss", found.uss)):
                sitting.sample(MEMORY, value, of=name, **who)


def tell_joins(sitting: Sitting, net: Bill, joins: int) -> None:
    where = {"nodes": sitting.scale.nodes, "joins": joins}
    for role, value in net.roles(net.packets).items():
        sitting.sample(JOIN_MESSAGES, value / joins, role=role, **where)
    for role, value in net.roles(net.bytes).items():
        sitting.sample(JOIN_BYTES, value / joins, role=role, **where)
    for (role, program), account in net.accounts.items():
        who = {"role": role, "program": program, **where}
        sitting.sample(JOIN_CPU, account.cpu * 1000 / joins, **who)
        sitting.sample(JOIN_WRITTEN, account.written / joins, **who)
