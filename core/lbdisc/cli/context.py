"""What the command of a plugin is given; nothing is loaded before it is asked."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lbdisc.hooks import Discovery
    from lbdisc.plugins import Plugins
    from lbdisc.settings.loading import Settings


class CommandContext:
    """Settings, discovery and status for a command that a plugin adds: see ``hooks.Context``."""

    def __init__(
        self,
        plugins: "Plugins",
        *,
        config: Path | None = None,
        backend: str | None = None,
        assignments: Sequence[str] = (),
    ) -> None:
        self._plugins = plugins
        self._config = config
        self._backend = backend
        self._assignments = assignments

    def given(
        self,
        *,
        config: Path | None = None,
        backend: str | None = None,
        assignments: Sequence[str] | None = None,
    ) -> "CommandContext":
        return CommandContext(
            self._plugins, config=config, backend=backend, assignments=assignments or ()
        )

    @cached_property
    def settings(self) -> "Settings":
        from lbdisc.cli.common import load_configuration

        flags = {"backend": self._backend}
        return load_configuration(self._config, flags, self._assignments, self._plugins)[1]

    @property
    def discovery(self) -> "Discovery":
        from lbdisc.settings import choosing

        return choosing.discovery(self._plugins, self.settings)

    @property
    def status(self) -> dict[str, Any] | None:
        from lbdisc.state.store import Store

        return Store(self.settings.core.state_dir).status()
