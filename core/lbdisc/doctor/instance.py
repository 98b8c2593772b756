"""The side of `lbdisc register`: its check, its port, and how long a dead node stays listed."""

from collections.abc import Iterator

from lbdisc.examining import Diagnosis, ok, warn
from lbdisc.register.addresses import whereabouts
from lbdisc.register.checks import CommandCheck, parse
from lbdisc.settings.tables import RegisterSettings
from lbdisc.values import Endpoint

SHORT, LONG = 3.0, 60.0  # seconds of a lease


def instance(settings: RegisterSettings) -> Iterator[Diagnosis]:
    """Whether the check can be made and what it says now; a command is not run."""
    check = parse(settings.check, timeout=settings.timeout)
    address = whereabouts(settings.address).current()
    endpoint = Endpoint(
        service=settings.service, name=settings.name, address=address, port=settings.port
    )
    where = endpoint.host_port
    if isinstance(check, CommandCheck):
        yield ok(f"{settings.service}/{settings.name} at {where}: {check.arguments[0]} is there")
        return
    if settings.check == "none":
        yield ok(f"{settings.service}/{settings.name} at {where}: registered without a check")
        return
    if why := check(endpoint):
        yield warn(
            f"the check {settings.check} of {settings.service}/{settings.name} fails: {why}",
            "start the instance, or correct register.port, register.address or register.check",
        )
    else:
        yield ok(
            f"{settings.service}/{settings.name}: the check {settings.check} passes; port"
            f" {settings.port} is taken, so `lbdisc register -- COMMAND` could not take it again"
        )


def lease(seconds: float | None, settings: RegisterSettings) -> Iterator[Diagnosis]:
    """How long a dead node stays listed, by its check and by the registry's lease."""
    checked = settings.fall * settings.interval + settings.timeout
    if seconds is None:
        yield ok(f"a check that fails is told within {checked:g} s; the registry finds a crash")
        return
    said = (
        f"a node that crashes stays listed for {seconds:g} s, one whose check fails {checked:g} s"
    )
    if seconds < SHORT:
        yield warn(said, f"a lease below {SHORT:g} s ends when a machine is busy: raise it")
    elif seconds > LONG:
        yield warn(said, f"lower the lease to {LONG:g} s or less; it is renewed three times in it")
    elif checked > seconds and settings.check != "none":
        yield warn(said, "lower register.fall, register.interval or register.timeout")
    else:
        yield ok(said)
