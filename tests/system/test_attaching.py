"""The steps of docs/attach.md on a grown file, under load: nothing is lost, each step goes back."""

import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lbdisc import atomic
from lbdisc.haproxy.errors import HaproxyError
from lbdisc.testing.processes import Process
from lbdisc.testing.waiting import eventually
from support.attached import Attached
from support.grown import Grown, template_of
from support.scene import LBDISC, lost

pytestmark = pytest.mark.timeout(240)
RELOAD, REFUSED = 3, 4


class Shop(Attached):
    """A grown file that a HAProxy of its own serves; three apps, and a fourth that comes later."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.serve("web1", "web2", "web3", "api1")
        ports = {name.upper(): port for name, port in self.apps.items()}
        self.grown = Grown(folder / "run", {"PORT": self.port, **ports})
        self.config.write_text(self.grown.by_hand)
        self.template.write_text(template_of(self.grown.by_hand))
        self.set(core={"services": ["web", "api"]}, endpoints={"allow": ["127.0.0.0/8"]})

    def list(self, name: str, **parts: object) -> None:
        folder = self.folder / "nodes" / name[:-1]
        folder.mkdir(exist_ok=True)
        record = {"address": "127.0.0.1", "port": self.apps[name], **parts}
        atomic.write(folder / f"{name}.json", json.dumps(record))

    def unlist(self, *names: str) -> None:
        for name in names:
            (self.folder / "nodes" / name[:-1] / f"{name}.json").unlink()

    def register(self, name: str, app: str) -> None:
        """A registrar of its own beside an app that was listed by hand."""
        own = {"address": "127.0.0.1", "port": self.apps[app], "name": name, "service": "web"}
        words = [f"register.{key}={value}" for key, value in own.items()]
        command = [LBDISC, "register", "--config", str(self.settings)]
        command += [part for word in words for part in ("--set", word)]
        log, record = self.folder / f"{name}.log", self.folder / "nodes" / "web" / f"{name}.json"
        process = Process(command, log=log, ready=record.exists)
        self._stack.enter_context(process)

    def add_lines(self, haproxy: Process) -> None:
        """By hand, and no word of lbdisc yet."""
        self.config.write_text(self.grown.driven)
        self.reload_by_hand(haproxy)
        self.template.write_text(template_of(self.grown.driven))
        code, said = self.lbdisc("config", "check")
        assert code == 0, said
        assert "every change costs a reload" not in said

    def tell_the_registry(self) -> str:
        """Of the nodes that are served; what `plan` said before."""
        code, said = self.lbdisc("plan")
        assert code == REFUSED
        self.list("web1")
        self.list("web2")
        self.list("api1", weight=50)
        code, now = self.lbdisc("plan")
        assert code == RELOAD, now
        assert self.config.read_text() == self.grown.driven
        return said

    def apply_once(self) -> None:
        code, said = self.lbdisc("run", "--once")
        assert code == 0, said
        assert self.copy.read_text() == self.grown.driven

    @property
    def copy(self) -> Path:
        return self.config.with_name("haproxy.cfg.before-lbdisc")

    def go_back(self, haproxy: Process) -> None:
        """To the file by hand."""
        self.config.write_text(self.copy.read_text())
        self.reload_by_hand(haproxy)

    def reload_by_hand(self, haproxy: Process) -> None:
        """As `systemctl reload haproxy` does."""
        before = self.worker
        haproxy.send(signal.SIGUSR2)
        eventually(lambda: self._worker_but(before), what="another worker")

    def _worker_but(self, before: int) -> bool:
        with suppress(HaproxyError):  # the master begins anew
            return self.worker != before
        return False


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as made:
        yield made


def test_each_step_loses_nothing_and_goes_back(shop: Shop) -> None:
    haproxy = shop.haproxy()
    with shop.traffic() as traffic:
        eventually(lambda: traffic.counts().served > 20, what="traffic")
        said = shop.lbdisc("config", "check")[1]
        assert "is of level operator: every change costs a reload" in said
        shop.add_lines(haproxy)
        said = shop.tell_the_registry()
        assert said.startswith("takes 3 of 4 servers of 3 proxies, 1 is left\n")
        shop.apply_once()
        shop.go_back(haproxy)
        agent = shop.agent()
        shop.until_in_step()
        shop.list("web3")
        eventually(lambda: traffic.counts().nodes.get("web3", 0) > 5, what="the new node served")
        shop.register("node2", "web2")
        shop.unlist("web1", "web2")
        eventually(lambda: "server web1 " not in shop.config.read_text(), what="web1 is gone")
        eventually(lambda: shop.status["servers"], what="a look at the servers")
        assert shop.lbdisc("status")[1].startswith("good: in step, ")
        assert "server node2 " in shop.config.read_text()
        assert "server web2 " not in shop.config.read_text()
        assert "server old1 " in shop.config.read_text()
        agent.stop()
        shop.go_back(haproxy)
        served = traffic.counts().nodes["web1"]
        eventually(lambda: traffic.counts().nodes["web1"] > served + 20, what="as by hand")
    assert lost(traffic) == []
