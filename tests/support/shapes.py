"""Files as people have them, led through the changes of a day, and compared with a fresh start."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lbdisc.haproxy.sockets.master import Master
from lbdisc.haproxy.sockets.socket import Runtime
from lbdisc.testing.processes import Process, free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Authority
from lbdisc_lab.traffic import Traffic
from support.haproxies import PROGRAMS, deciding, place
from support.scene import Scene

FOLDER = Path(__file__).parents[1] / "shapes"
DEFAULT = Path(__file__).parents[2] / "templates" / "haproxy.cfg.j2"
SHAPES = {"default": DEFAULT} | {
    path.name.removesuffix(".cfg.j2"): path for path in sorted(FOLDER.glob("*.j2"))
}
QUICK = ("default", "process", "cookies")  # what is run without being asked for all
RATE = 40  # requests a second
AGREES = 30.0  # seconds for checks to say of both what they find


@dataclass(frozen=True, slots=True)
class Stepped:
    """What a step cost: ``how`` it came to run, requests ``lost``, and what is not as fresh."""

    name: str
    how: str
    lost: int
    differs: str


class Walk(Scene):
    """A scene on the template ``shape`` with the HAProxy of ``version``; ``steps`` grow.

    ``ports`` are of web servers, for the nodes s1 to s3 and for an address that one moves to.
    """

    def __init__(self, folder: Path, shape: str, version: str, ports: list[int]) -> None:
        self._shape, self._version, self._ports = shape, version, ports
        self._binds = {name: f"127.0.0.1:{free_port()}" for name in ("other", "agent")}
        self.steps: list[Stepped] = []
        self._connect = "3s"
        self._agent: Process | None = None
        super().__init__(folder, **self._tables())

    def _tables(self) -> dict[str, dict[str, object]]:
        haproxy = {"on_stop": "leave", "settle_after": 0, "binary": PROGRAMS[self._version]}
        return {"haproxy": haproxy, "jinja2": {"template": str(SHAPES[self._shape])}}

    def variables(self) -> dict[str, object]:
        if self._shape == "default":
            return {**super().variables(), "balance": BALANCES[self._connect]}
        bind = f"127.0.0.1:{self.port}"
        files = {"lua": FOLDER / "mark.lua", "map": self._map(), "pem": self._pem()}
        return {
            "bind": bind,
            "connect": self._connect,
            "other": self._binds["other"],
            "agent": self._binds["agent"].rpartition(":")[2],
            **{name: str(path) for name, path in files.items()},
        }

    def _map(self) -> Path:
        path = self.folder / "hosts.map"
        path.write_text("web#/ web_be\n")
        return path

    def _pem(self) -> Path:
        path = self.folder / "site.pem"
        if not path.exists():
            made = Authority(self.folder / "tls").issue("site", "shop.test")
            path.write_bytes(made.cert.read_bytes() + made.key.read_bytes())
        return path

    def walk(self) -> None:
        """All eight steps, under traffic."""
        one, two, three, four = self._ports
        self._put("s1", one)
        self._put("s2", two)
        self._begin()
        with Traffic(self.url, rate=RATE) as traffic:
            eventually(lambda: traffic.counts().served, what="the first answer")
            step = partial(self._step, traffic)
            step("start", lambda: None, news=False)
            step("join", lambda: self._put("s3", three))
            step("weight", lambda: self._put("s2", two, weight=40))
            step("drain", lambda: self._put("s1", one, state="draining"))
            step("leave", lambda: self.unlist("s1"))
            step("moved", lambda: self._put("s3", four))
            step("template", self._change_template)
            step("restart", self._restart, news=False)

    def _put(self, name: str, port: int, **parts: object) -> None:
        """List it, with a number of its own that some shapes give it."""
        self.list(name, port, tags={"id": f"1{name[1:]}"}, **parts)

    def _begin(self) -> None:
        self._agent = self.agent()

    def _change_template(self) -> None:
        self._connect = "4s"
        self.write_settings(**self._tables())
        assert self._agent is not None
        self._agent.send(signal.SIGHUP)

    def _restart(self) -> None:
        assert self._agent is not None
        assert self._agent.stop() == 0
        self._begin()

    def _step(
        self, traffic: Traffic, name: str, change: Callable[[], None], *, news: bool = True
    ) -> None:
        lost, number, reloads = traffic.counts().lost, self._number, self._reloads
        change()
        eventually(lambda: self._follows and (not news or self._number > number))
        how = "reload" if self._reloads > reloads else "run time" if news else "nothing"
        differs = self._differs()
        self.steps.append(Stepped(name, how, traffic.counts().lost - lost, differs))

    @property
    def _follows(self) -> bool:
        """Whether HAProxy and the file are what is wanted."""
        status = self.status
        return bool(status["in_step"]) and status["written"]["number"] == self._number

    @property
    def _number(self) -> int:
        return int(self.status["generation"]["number"])

    @property
    def _reloads(self) -> int:
        return eventually(lambda: Master(self.state / "master.sock").processes()).reloads

    def _differs(self) -> str:
        """What a HAProxy that starts now on the file has otherwise, ``""`` if nothing."""
        text = self.config
        with place(self._version) as here:
            fresh = text.replace(str(self.state), str(here.folder))
            addresses = [f"127.0.0.1:{port}" for port in (self.port, self.stats_port)]
            for address in (*addresses, self._binds["other"]):
                fresh = fresh.replace(address, f"127.0.0.1:{free_port()}")
            with here.running(fresh, name="fresh") as other:
                seen = [""]

                def agree() -> bool:
                    with Runtime(str(self.state / "haproxy.sock")) as runtime:
                        ours = deciding(runtime, text)
                    seen[0] = _difference(ours, other.servers(fresh))
                    return not seen[0]

                try:
                    eventually(agree, deadline=AGREES, every=0.1)
                except AssertionError:
                    return seen[0] or "it cannot be asked"
        return ""


# Of the default template, what a changed template is.
BALANCES = {"3s": "roundrobin", "4s": "leastconn"}
Servers = dict[tuple[str, str], dict[str, object]]


def _difference(ours: Servers, fresh: Servers) -> str:
    if ours.keys() != fresh.keys():
        return f"servers {sorted(ours)} instead of {sorted(fresh)}"
    return next(
        (
            f"{proxy}/{name} {field}: {value} instead of {fresh[proxy, name][field]}"
            for (proxy, name), fields in ours.items()
            for field, value in fields.items()
            if value != fresh[proxy, name][field]
        ),
        "",
    )
