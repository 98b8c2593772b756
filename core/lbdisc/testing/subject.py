"""What every kind of suite has: something under test that cannot do all, and a column."""

from abc import ABC
from collections.abc import Mapping
from types import TracebackType
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeVar

import pytest

A = TypeVar("A", bound=str)


class Subject(ABC, Generic[A]):
    """Used as a context manager, one for each test; ``cannot``: what it lacks, and why."""

    cannot: ClassVar[Mapping[Any, str]] = {}

    def heal(self) -> None:
        """Undo every fault. Also called at the end."""

    def close(self) -> None:
        """Let go of everything; called after each test."""

    def needs(self, *abilities: A) -> None:
        """Skip the test, with the reason, if one of ``abilities`` is named in ``cannot``."""
        for ability in abilities:
            if ability in self.cannot:
                pytest.skip(f"cannot {ability}: {self.cannot[ability]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.heal()
        finally:
            self.close()

    def _cannot(self, ability: A) -> NoReturn:
        self.needs(ability)
        raise NotImplementedError(
            f"{type(self).__name__}.{ability} is missing: write it, or say in cannot why not"
        )


class Suite:
    """Promises as tests, each with the promise for a docstring.

    A test file has a subclass named ``Test…`` that sets ``plugin`` and overrides the fixture. What
    the subject cannot do is named in ``cannot``; a promise that it does not keep yet is overridden
    as ``xfail`` with a reason, never removed.
    """

    plugin: ClassVar[str]
    """The column in the report."""
