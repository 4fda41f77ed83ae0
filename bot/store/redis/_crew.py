"""Who leads, who is there, and which logins are due: kept on the server, by its clock."""

from __future__ import annotations

import os
import re
import secrets
import socket
from collections.abc import Sequence
from threading import Lock

from bot.store.crew import CLAIM, LEAD, Crew, Roll
from bot.store.redis import _scripts as scripts
from bot.store.redis._server import Server

_MEMBER = re.compile(r"[A-Za-z0-9_.-]{1,64} [0-9]{1,10} [0-9a-f]{16}", re.ASCII)
"""A machine, a process on it, and what tells it from all others."""
_ODD = "something unknown"


class ServerCrew(Crew):
    def __init__(self, server: Server, *, lead: float = LEAD, claim: float = CLAIM, machine: str | None = None) -> None:
        self._server = server
        self.lease = lead
        self._lead, self._claim = int(lead * 1000), int(claim * 1000)
        machine = re.sub(r"[^A-Za-z0-9_.-]", "-", machine or socket.gethostname())[:64]
        self._member = f"{machine} {os.getpid()} {secrets.token_hex(8)}"
        self._leader, self._present, self._due = map(server.address.key, ("leader", "present", "due"))
        self._claimed: set[str] = set()
        self._claiming = Lock()
        self.name = machine

    def attend(self, *, lead: bool = True) -> Roll:
        keys = [self._leader, self._present]
        return self._called(*self._server.run_free(scripts.ATTEND, keys, self._member, self._lead, int(lead)))

    def look(self) -> Roll:
        return self._called(*self._server.run_free(scripts.LOOK, [self._leader, self._present]))

    def _called(self, leader: str, present: list[str]) -> Roll:
        names = _names({*present, leader, self._member})
        self.name = names[self._member]
        others = sorted(name for member, name in names.items() if member != self._member and member in present)
        return Roll(leader == self._member, names.get(leader, _ODD) if leader else None, tuple(others))

    def leave(self) -> None:
        with self._claiming:
            claimed, self._claimed = self._claimed, set()
        self._server.run_free(scripts.LEAVE, [self._leader, self._present, self._due], self._member, *claimed)

    def offer(self, accounts: Sequence[str]) -> None:
        self._server.run_free(scripts.OFFER, [self._due], *accounts)

    def claim(self, most: int) -> list[str]:
        claimed = list(map(str, self._server.run_free(scripts.CLAIM, [self._due], most, self._claim)))
        with self._claiming:
            self._claimed.update(claimed)
        return claimed

    def hand_back(self, account: str) -> None:
        with self._claiming:
            self._claimed.discard(account)
        self._server.run_free(scripts.HAND_BACK, [self._due], account)

    def finished(self, account: str) -> None:
        with self._claiming:
            self._claimed.discard(account)
        self._server.ask(lambda client: client.zrem(self._due, account))

    def offered(self) -> set[str]:
        return set(self._server.ask(lambda client: client.zrange(self._due, 0, -1)))


def _names(members: set[str]) -> dict[str, str]:
    """By their machines; with the process id where two are on one. What is none of ours is left out, as it may say
    anything."""
    parts = {member: member.split(" ") for member in members if _MEMBER.fullmatch(member)}
    machines = [part[0] for part in parts.values()]
    return {
        member: part[0] if machines.count(part[0]) == 1 else f"{part[0]} ({part[1]})" for member, part in parts.items()
    }
