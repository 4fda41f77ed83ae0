"""What a value written in a config file stands for: itself, a variable, a file, or something sealed."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.config._faults import Complain
from bot.config._files import read_text
from brokers import KunjiError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PLACEHOLDER = re.compile(r"your_", re.IGNORECASE)
_SEALED = "sealed:"
_FILE = "file:"
_NOT_HERE: Mapping[str, tuple[str, ...]] = {
    # Where the key lies depends on where the store lies.
    "store": (_SEALED,),
    # Whatever stands in a command's arguments can be read by every user of the machine.
    "on_refresh": (_FILE, _SEALED, "${"),
}
"""What a value may not stand for, by its key."""
_INSTEAD = {
    "store": 'expected the place itself, or "${NAME}" or "file:/path" for one that is secret: the key which opens '
    "sealed: is looked for in the store's own folder",
    "on_refresh": "expected the command itself in plain text: its arguments can be seen by everybody on the machine; "
    "what it needs of the token is in its environment",
}


class _Unusable(Exception):
    """It was complained about."""


@dataclass(frozen=True, slots=True)
class Values:
    """Where the values come from that are not written out."""

    folder: Path
    """What a relative `file:` path starts from."""
    variables: Mapping[str, str]
    key: Callable[[], bytes] | None
    """Called when the first sealed value is met, so that a config without one needs no key."""
    files: set[Path] = field(default_factory=set)
    """Those that `file:` values were read from."""

    def of(
        self, written: Mapping[str, object], account: str, complain: Complain, spare: Container[str] = ()
    ) -> dict[str, object]:
        """Every value as meant. A key whose value cannot be had is complained about and left out; so is, silently, one
        that says null. `spare`: keys that nothing needs."""
        meant: dict[str, object] = {}
        for key, value in written.items():
            if value is None:
                continue
            try:
                meant[key] = self._meant(value, account, key, complain, spare)
            except _Unusable:
                continue
        return meant

    def _meant(self, value: object, account: str, key: str, complain: Complain, spare: Container[str] = ()) -> object:
        if isinstance(value, list):
            return [self._meant(item, account, key, complain) for item in value]
        if isinstance(value, dict):
            return {name: self._meant(item, account, f"{key}.{name}", complain) for name, item in value.items()}
        if not isinstance(value, str):
            return value
        text = self._text(value, account, key, complain)
        if not text.strip():
            complain(key, "is empty; leave the key out where it is not used")
            raise _Unusable
        if _PLACEHOLDER.match(text):
            if key in spare:
                complain(key, "is still the placeholder of the example; put your own value there, or leave it out")
            else:
                complain(key, "is still the placeholder of the example; put your own value there")
            raise _Unusable
        return text

    def _text(self, value: str, account: str, key: str, complain: Complain) -> str:
        if value.startswith(_NOT_HERE.get(key, ())):
            complain(key, _INSTEAD[key])
            raise _Unusable
        variable = _VARIABLE.fullmatch(value)
        if variable:
            return self._from_variable(variable[1], key, complain)
        if value.startswith(_FILE):
            return self._from_file(value.removeprefix(_FILE), key, complain)
        if value.startswith(_SEALED):
            return self._unsealed(value, account, key, complain)
        return value

    def _from_variable(self, name: str, key: str, complain: Complain) -> str:
        if name not in self.variables:
            complain(key, f"expected the variable {name} in the environment or in .env")
            raise _Unusable
        return self.variables[name]

    def _from_file(self, path: str, key: str, complain: Complain) -> str:
        text = read_text(self.folder / path, complain, key)
        if text is None:
            raise _Unusable
        self.files.add(self.folder / path)
        return text.strip()

    def _unsealed(self, value: str, account: str, key: str, complain: Complain) -> str:
        if self.key is None:
            complain(key, "is sealed, and there is no key here to open it")
            raise _Unusable
        # Only who seals values needs the keys and what they bring along.
        from bot.keys import open_value

        try:
            return open_value(self.key(), account, key, value)
        except KunjiError as error:
            complain(key, str(error))
            raise _Unusable from None
