"""A broker's recorded and documented answers, and what every broker owes them. A broker's own file is data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from brokers import BrokerError, BrokerUnreachable
from tests.contract.stand_in import SAMPLES, StandIn, says


@dataclass(frozen=True, slots=True)
class Samples:
    broker: str

    @property
    def folder(self) -> Path:
        return SAMPLES / self.broker

    def raw(self, file: str) -> bytes:
        return (self.folder / file).read_bytes()

    def body(self, name: str) -> Any:
        return json.loads(self.raw(f"{name}.json"))

    def index(self) -> dict[str, int | None]:
        """Every file the index tells of, also those not kept here, and the HTTP status it came with."""
        index = self.body("index")
        entries = index.get("files") or index["entries"]
        return {entry["file"]: entry.get("http", entry.get("http_status")) for entry in entries}

    def bodies(self) -> list[Any]:
        return [self.body(path.stem) for path in sorted(self.folder.glob("*.json")) if path.name != "index.json"]


class SamplesContract:
    samples: Samples
    calls: Mapping[str, Callable[[StandIn], Any]]
    used: Mapping[str, tuple[str, object]]
    """The call, and what comes of it: an error, a type, a value; None where another test looks closer."""
    used_otherwise: Mapping[str, str]
    """And where."""
    left_out: Mapping[str, str]
    """And why."""
    before: ClassVar[Mapping[str, Sequence[object]]] = {}
    """The answers a call gets before the sample."""
    after: ClassVar[Mapping[str, Sequence[object]]] = {}
    """The answers asked for once this sample was read."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "file" in metafunc.fixturenames:
            metafunc.parametrize("file", self.used)

    def test_every_sample_is_used_or_left_out_for_a_reason(self) -> None:
        assert set(self.samples.index()) == self.used.keys() | self.used_otherwise.keys() | self.left_out.keys()
        assert not self.used.keys() & self.left_out.keys()
        assert all([*self.used_otherwise.values(), *self.left_out.values()])

    def test_a_sample_is_understood_and_nothing_more_is_asked(self, server: StandIn, file: str) -> None:
        call, expected = self.used[file]
        before, after = (
            [says(200, body) for body in bodies] for bodies in (self.before.get(call, ()), self.after.get(file, ()))
        )
        status = self.samples.index()[file]
        assert status is not None
        answers = [*before, says(status, self.samples.raw(file)), *after]
        server.will(*answers)

        outcome = self._outcome(server, call)

        if isinstance(expected, type):
            assert type(outcome) is expected
        elif expected is None:
            assert not isinstance(outcome, BrokerError)
        else:
            assert outcome == expected
        # Where a broker stumbles, a read may be repeated, if there is time left for it; a login never.
        may_be_repeated = expected is BrokerUnreachable and call != "login"
        assert len(server.seen) == len(answers) or may_be_repeated

    def _outcome(self, server: StandIn, call: str) -> object:
        try:
            return self.calls[call](server)
        except BrokerError as error:
            return error
