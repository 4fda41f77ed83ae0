"""The broker of hosts under test: it grants and refuses as was planned, takes its time, and knows what it did."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from bot.lead import awake
from tests.faults.witnesses import FastClock, Plan


@dataclass(frozen=True, slots=True)
class Login:
    account: str
    attempt: str
    window: int
    at: float
    outcome: str
    token: str
    expires_at: str


class FarBranch:
    """On a port of its own. A login takes from 40 to 300 ms, and is made somewhere in them."""

    def __init__(self, plans: list[Plan], clock: FastClock, seed: int) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._clock = clock
        self._draw = Random(seed)
        self._lock = threading.Lock()
        self._asked = threading.Condition()
        self._last_to_ask = 0
        self.logins: list[Login] = []
        self.live = {plan.name: f"{plan.name} 0" for plan in plans}
        answer = self._answer

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(OSError, ValueError):
                    self.wfile.write(json.dumps(answer(json.loads(self.rfile.readline()))).encode() + b"\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def next_to_log_in(self, within: float) -> int | None:
        """The process that begins the next login."""
        with self._asked:
            return self._last_to_ask if self._asked.wait(within) else None

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["what"] == "profile":
            return {"lives": self.live[asked["account"]] == asked["token"]}
        with self._asked:
            self._last_to_ask = asked["pid"]
            self._asked.notify_all()
        with self._lock:
            before, after = (self._draw.uniform(0.02, 0.15) for _ in range(2))
        time.sleep(before)
        with self._lock:
            login, issued_at = self._made(asked), self._clock.now()
        time.sleep(after)
        return {
            "outcome": login.outcome,
            "token": login.token,
            "issued_at": issued_at.isoformat(),
            "expires_at": login.expires_at,
        }

    def _made(self, asked: dict[str, Any]) -> Login:
        plan = self._plans[asked["account"]]
        earlier = [login for login in self.logins if login.account == plan.name]
        outcome = "granted"
        if plan.answer == "refused":
            outcome = "refused"
        elif plan.answer == "refused once" and not earlier:
            outcome = "code refused"
        token = f"{plan.name} {1 + len(earlier)}"
        ends = plan.end_of(self._clock.now()).isoformat()
        login = Login(plan.name, asked["attempt"], asked["window"], awake(), outcome, token, ends)
        self.logins.append(login)
        if outcome == "granted":
            self.live[plan.name] = token
        return login
