"""Renderer ``jinja2``: a template, typed values, and nothing unescaped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2

from lbdisc.builtin.jinja2.fingerprint import fingerprint
from lbdisc.builtin.jinja2.memory import Memory
from lbdisc.builtin.jinja2.rules import check_together
from lbdisc.builtin.jinja2.sandbox import Sandbox, is_ip
from lbdisc.builtin.jinja2.secret_variables import drawn, is_hidden, with_files_read
from lbdisc.builtin.jinja2.variables import Declared, Variable, declared_in
from lbdisc.errors import RenderError, SettingsError, nearest, shown
from lbdisc.fields import described
from lbdisc.rendered import Rendered
from lbdisc.values import Endpoint, Snapshot, check_name

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class JinjaSettings:
    """``[jinja2]``: the template and what it is given."""

    template: Path = field(
        default=TEMPLATES / "haproxy.cfg.j2", metadata={"help": "the template", "trusted": True}
    )
    services: tuple[str, ...] = described("the services in the template's order", ("{services}",))
    files: dict[str, Path] = field(
        default_factory=dict,
        metadata={
            "help": "further files beside the output, by name, and the template of each",
            "trusted": True,
        },
    )
    state_dir: Path = described("state_dir as the template sees it", Path("{state_dir}"))
    output: Path = described("output, whose folder `file(…)` names files in", Path("{output}"))
    vars: dict[str, Any] = field(
        default_factory=dict,
        metadata={"help": "the operator's variables, as the template declares them"},
    )

    @staticmethod
    def variables() -> tuple[Variable, ...]:
        """Those that the default template declares, for the reference."""
        return declared_in(TEMPLATES / "haproxy.cfg.j2") or ()

    def is_secret(self, name: str) -> bool:
        """Whether the setting of that name in this table is never shown, as ``vars.cookie_key``."""
        table, _, variable = name.partition(".")
        templates = [self.template, *self.files.values()]
        return table == "vars" and is_hidden(variable, Declared.of(templates).variables)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service as templates see it. ``resolves``: whether an address of it is a host name."""

    name: str
    endpoints: tuple[Endpoint, ...]

    @cached_property
    def resolves(self) -> bool:
        return not all(is_ip(endpoint.address) for endpoint in self.endpoints)


class Services(list[Service]):
    """All services; with a thousand of them, a template's filters would ask each by itself."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(service.name for service in self)

    @property
    def resolves(self) -> bool:
        """Whether an address of any is a host name."""
        return any(service.resolves for service in self)


class JinjaRenderer:
    """Renders ``settings.template`` and ``settings.files``; reads them when it is made."""

    def __init__(self, settings: JinjaSettings) -> None:
        self._settings = settings
        _check_services(settings.services)
        _check_names(settings)
        files = {name: path.expanduser().absolute() for name, path in settings.files.items()}
        declared = Declared.of([settings.template, *files.values()])
        given = with_files_read(settings.vars, declared.variables)
        self._vars = declared.filled(given)
        check_together(given, declared.variables, self._vars)
        self._vars |= drawn(declared.variables, given, settings.state_dir)
        self._services: dict[str, Service] = {}
        self._fingerprint = fingerprint({"": settings.template, **settings.files})
        self._main = _Template(settings.template, self._file)
        self._files = {name: _Template(path, self._file) for name, path in files.items()}

    def render(self, snapshot: Snapshot) -> Rendered:
        """The configuration. Raises ``RenderError`` that names the template's line."""
        services = self._services_of(snapshot)
        values = {
            "services": services,
            "vars": self._vars,
            "state_dir": str(self._settings.state_dir),
            "service": self._service,
        }
        size = len(snapshot) + len(services)
        text = self._main.render(size, values)
        files = ((name, each.render(size, values)) for name, each in self._files.items())
        return Rendered(text, tuple(files))

    def fingerprint(self) -> str:
        """That of the templates as they were read; variables are each host's own."""
        return self._fingerprint

    def _file(self, name: str) -> str:
        """In a template: the path of a further file."""
        if name not in self._settings.files:
            known = ", ".join(sorted(self._settings.files)) or "none"
            raise ValueError(f"no file {shown(name)} in jinja2.files (known: {known})")
        return str(self._settings.output.parent / name)

    def _service(self, name: str) -> Service:
        """In a template: the service of that name."""
        if name not in self._services:
            hint = nearest(name, self._services) or f" (known: {', '.join(self._services)})"
            raise ValueError(f"no service {shown(name)} in the setting services{hint}")
        return self._services[name]

    def _services_of(self, snapshot: Snapshot) -> Services:
        """In the template's order; one in which nothing changed is the same object as before."""
        members, before = snapshot.services, self._services
        self._services = {}
        for name in self._settings.services:
            service = Service(name=name, endpoints=members.get(name, ()))
            self._services[name] = service if service != before.get(name) else before[name]
        return Services(self._services[name] for name in self._settings.services)


def _check_services(services: tuple[str, ...]) -> None:
    for service in services:
        check_name(service, what="service in the setting services")
    if len({*services}) < len(services) or not services:
        raise SettingsError("bad setting jinja2.services: name each service once, one at least")


def _check_names(settings: JinjaSettings) -> None:
    try:
        names = Rendered("", tuple((name, "") for name in settings.files)).names
    except RenderError as error:
        raise SettingsError(f"jinja2.files: {error}") from error
    if settings.output.name in names:
        raise SettingsError(f"jinja2.files: {settings.output.name} is the output itself")


class _Template:
    """One template, with a memory of its own: macros of another may have the same names."""

    def __init__(self, path: Path, file: Callable[[str], str]) -> None:
        self._path = path
        self._memory = Memory()
        self._template = _compile(path, self._memory, file)

    def render(self, size: int, values: Mapping[str, object]) -> str:
        """The text for about ``size`` items. Raises ``RenderError``."""
        self._memory.turn(size)
        try:
            return self._template.render(values)
        except RecursionError as error:
            raise RenderError(f"template {self._path}: it calls itself for ever") from error
        except Exception as error:
            raise RenderError(_explained(self._path, error)) from error


def _compile(path: Path, memory: Memory, file: Callable[[str], str]) -> jinja2.Template:
    environment = Sandbox(path.parent)
    environment.filters["each"] = memory.each
    environment.globals["file"] = file
    try:
        return environment.get_template(path.name)
    except jinja2.TemplateNotFound as error:
        raise SettingsError(
            f"no template {path.parent / (error.name or path.name)}: see jinja2.template and files"
        ) from error
    except jinja2.TemplateError as error:
        raise RenderError(_explained(path, error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read the template {path}: {error}") from error


def _explained(path: Path, error: Exception) -> str:
    line = getattr(error, "lineno", None)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f"template {path}" + (f", line {line}" if line else "")
    text = str(getattr(error, "message", None) or error)
    return f"{where}: {text.splitlines()[0] if text else type(error).__name__}"
