"""Files beside a configuration that a supervisor's HAProxy runs, named as only that can know."""

from pathlib import Path

import pytest

from lbdisc import atomic
from lbdisc.testing.processes import free_port
from lbdisc.testing.waiting import eventually
from lbdisc_lab.servers.certificates import Authority
from support.attached import Attached


class Named(Attached):
    """Its HAProxy has the certificate `site.pem` of the folder that it works in, called `word`."""

    def __init__(self, folder: Path, word: str, stats: str = "mode 600") -> None:
        self.authority = Authority(folder / "authority")
        self.pem = folder / "site.pem"
        self.renew()
        self._tls = f"frontend tls\n    bind 127.0.0.1:{free_port()} ssl crt {word}\n"
        super().__init__(folder, stats=stats)
        self.serve("w1")
        self.enlist("w1")

    def renew(self) -> None:
        made = self.authority.issue("site", "site")
        atomic.write(self.pem, made.pem)

    def until_renewed(self) -> None:
        self.renew()
        cause = f"files {self.pem}"
        eventually(lambda: self.status["generation"]["cause"] == cause)

    def text(self, servers: str) -> str:
        return super().text(servers) + self._tls + "    default_backend web\n"


@pytest.mark.parametrize("word", ["site.pem", '"${CERTIFICATES}/site.pem"'])
def test_words_mean_what_they_do_to_haproxy(tmp_path: Path, word: str) -> None:
    with Named(tmp_path, word) as place:
        place.haproxy(CERTIFICATES=str(tmp_path))
        place.agent()
        place.until_in_step()
        before = place.worker
        place.until_renewed()
        assert place.status["generation"]["how"] == "runtime"
        assert place.worker == before


def test_without_a_socket_for_changes_it_is_a_reload(tmp_path: Path) -> None:
    with Named(tmp_path, "site.pem") as place:
        for path in (place.config, place.template):
            path.write_text(path.read_text().replace("level admin", "level operator"))
        place.haproxy()
        place.agent()
        place.until_in_step()
        before = place.worker
        place.until_renewed()
        assert place.status["generation"]["how"] == "reload"
        assert place.worker != before


def test_applying_once_takes_a_file_that_was_just_renewed(tmp_path: Path) -> None:
    with Named(tmp_path, "site.pem") as place:
        place.haproxy()
        assert place.lbdisc("run", "--once")[0] == 0
        before = place.worker
        place.renew()
        code, said = place.lbdisc("run", "--once")
        assert code == 0, said
        assert f"file {place.pem}: at run time" in said
        assert place.worker == before
