"""What is wrong with a config: file, key and what was expected. Never the value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from brokers import KunjiError

Complain = Callable[[str, str], None]
"""Takes a key and what was expected; the file is already known."""


@dataclass(frozen=True, slots=True)
class Fault:
    file: str
    key: str
    """Empty where the file as a whole is meant."""
    expected: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.key, self.expected) if part)


class ConfigErrors(KunjiError):
    """Everything that is wrong, at once; one line each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Faults:
    """Collects them while the files are read."""

    def __init__(self) -> None:
        self._found: dict[Fault, None] = {}

    def add(self, file: str, key: str, expected: str) -> None:
        self._found.setdefault(Fault(_shown(file), _shown(key), expected))

    def of(self, file: str) -> Complain:
        return partial(self.add, file)

    def keys_in(self, file: str) -> frozenset[str]:
        """The keys of this file that were complained about; with an empty one the file as a whole."""
        return frozenset(fault.key for fault in self._found if fault.file == _shown(file))

    def raise_any(self) -> None:
        if self._found:
            raise ConfigErrors(self._found) from None


def _shown(name: str) -> str:
    """A name somebody else may have chosen, fit for one line."""
    return "".join(sign if sign.isprintable() else "?" for sign in name)[:200]
