"""Looks that run at once in threads of their own, and are given up one by one when they hang."""

import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

from structlog import get_logger

from lbdisc.errors import CheckError, LbdiscError, SettingsError
from lbdisc.examining import Diagnosis, Examination, fail
from lbdisc.showing import raised

log = get_logger("lbdisc.doctor")
LIMIT = 10.0  # seconds for each look, if nothing else is said


@dataclass(frozen=True, slots=True)
class Look:
    """A look of the chapter ``check``; ``remedy`` is for what it raises."""

    check: str
    examination: Examination
    remedy: str


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """What was found where."""

    check: str
    what: str
    finding: Diagnosis


@dataclass(slots=True)
class _Running:
    look: Look
    found: list[Diagnosis] = field(default_factory=list)
    over: Event = field(default_factory=Event)

    def run(self) -> None:
        try:
            for finding in self.look.examination.look():
                self.found.append(finding)
        except SettingsError as error:
            self.found.append(fail(str(error), "change that setting; see `lbdisc config show`"))
        except CheckError as error:
            self.found.append(fail(str(error), "see `lbdisc config check`"))
        except (LbdiscError, OSError) as error:
            self.found.append(fail(str(error), self.look.remedy))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code may do anything
            log.debug("a look failed", trace=traceback.format_exc())
            self.found.append(fail(f"this look itself failed: {raised(error)}", "report it"))
        finally:
            self.over.set()


def examined(looks: Sequence[Look], *, limit: float = LIMIT) -> Iterator[Diagnosed]:
    """What they find, in their order; one that takes more than ``limit`` seconds says so.

    What it has found until then counts. Its thread is left behind, and ends with the process.
    """
    until = time.monotonic() + limit
    running = [_Running(look) for look in looks]
    for one in running:
        Thread(target=one.run, name="lbdisc-doctor", daemon=True).start()
    for one in running:
        is_over = one.over.wait(max(0.0, until - time.monotonic()))
        check, what = one.look.check, one.look.examination.what
        yield from (Diagnosed(check, what, finding) for finding in tuple(one.found))
        if not is_over:
            hangs = fail(f"no answer within {limit:g} s: it hangs", one.look.remedy)
            yield Diagnosed(check, what, hangs)
