"""No account is ever locked: what is wrong is refused twice at most, however often the bot starts and whoever asks.

What is no refusal (silence, 5xx, 429, nonsense) is waited out, at the pace of the back-off and no faster.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from bot.budget import FIRST_WAIT, LONGEST_WAIT
from bot.life import Account
from bot.sandbox.dhan import Dhan
from bot.store import Store, open_store
from brokers import KunjiError, LoginRejected
from tests.fakes import MemoryStore
from tests.faults.desk import (
    API,
    CLIENT,
    CONSENT,
    LOGIN,
    MONDAY,
    OTHER_SEED,
    Desk,
    desk_at,
    dhan_account,
    indian,
    sandbox_at,
)
from tests.unit.tokens.desk import NAME, Bench

MINUTES_A_WEEK = 7 * 24 * 60
WRONG = {
    "pin": ("auto", {"pin": "111111"}),
    "totp_secret": ("auto", {"totp_secret": OTHER_SEED}),
    "api_secret": ("assisted", {**API, "api_secret": "app-secret-of-last-year"}),
}


class Killed(BaseException):
    """The process ended here."""


def a_minute_of_everybody_asking(desk: Desk) -> None:
    """The schedule, a program, and an admin who does not tap the button that says what is at risk."""
    desk.restart()
    desk.clock.advance(60)
    desk.sweep()
    for who in ("program", "admin", "command line"):
        with suppress(KunjiError):
            desk.tokens.refresh("dhan", who=who)


def attempts(desk: Desk) -> int:
    return desk.sandbox.dhan.calls(LOGIN) + desk.sandbox.dhan.calls(CONSENT)


@pytest.mark.parametrize("what", ["pin", *(pytest.param(one, marks=pytest.mark.long) for one in WRONG if one != "pin")])
def test_wrong_credentials_reach_the_broker_twice_at_most_in_a_week_of_restarts(what: str) -> None:
    login, config = WRONG[what]
    with desk_at(MONDAY, login=login, **config) as desk:
        for _ in range(MINUTES_A_WEEK):
            a_minute_of_everybody_asking(desk)

        assert desk.starts > MINUTES_A_WEEK
        assert 1 <= attempts(desk) <= 2
        assert desk.sandbox.dhan.attempts(CLIENT)["refused"] <= 2


@pytest.mark.long
@pytest.mark.parametrize("what", WRONG)
def test_wrong_credentials_reach_the_broker_twice_at_most_with_a_store_on_disk(tmp_path: Path, what: str) -> None:
    login, config = WRONG[what]
    with sandbox_at(MONDAY) as sandbox:
        reopen = partial(open_store, tmp_path, environment={})
        desk = Desk(sandbox, lambda s: [dhan_account(sandbox, s, sandbox.clock, login=login, **config)], reopen=reopen)
        for _ in range(MINUTES_A_WEEK):
            a_minute_of_everybody_asking(desk)

        assert desk.starts > MINUTES_A_WEEK
        assert 1 <= attempts(desk) <= 2


def test_the_admin_is_told_once_of_a_refusal_and_that_nothing_more_is_tried() -> None:
    with desk_at(indian(8), pin="111111") as desk:
        for _ in range(4 * 60):
            desk.restart()
            desk.clock.advance(60)
            desk.sweep()

        assert len(desk.alerts("refused")) == 1
        assert attempts(desk) == 1


def test_a_corrected_config_is_tried_at_once() -> None:
    with sandbox_at(indian(9, 20)) as sandbox:
        pins = ["111111"]

        def make(store: Store) -> list[Account]:
            account = dhan_account(sandbox, store, sandbox.clock, pin=pins[0])
            return [replace(account, fingerprint=f"of-{pins[0]}")]

        desk = Desk(sandbox, make)
        desk.sweep()
        pins[0] = "482913"
        desk.restart()
        desk.sweep()

        assert sandbox.dhan.attempts(CLIENT) == {"granted": 1, "refused": 1}


class Mortal:
    """A bench whose process is killed while a login, with a wrong PIN, is on its way: nothing is written after that."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.bench = Bench(store=self.store)

    def dies_in_every_login(self) -> None:
        self.bench.script.login = [LoginRejected("wrong PIN")] * 99
        self.bench.script.during_login = self._die

    def lives_again(self) -> None:
        self.store.refuses_writes = False
        self.bench.clock.go(300)
        self.bench.restart()

    def _die(self) -> None:
        self.store.refuses_writes = True
        raise Killed


@pytest.mark.parametrize("who", ["schedule", "program", "admin"])
def test_a_wrong_login_whose_answer_is_never_heard_counts_as_refused(who: str) -> None:
    mortal = Mortal()
    mortal.dies_in_every_login()

    for _ in range(60):
        with suppress(KunjiError, Killed):
            mortal.bench.service.refresh(NAME, who=who)
        mortal.lives_again()

    assert mortal.bench.script.logins == 2


def test_an_admin_who_asks_again_after_every_crash_spends_no_third_attempt() -> None:
    mortal = Mortal()
    mortal.bench.service.refresh(NAME, who="admin")
    granted = mortal.bench.script.logins
    mortal.dies_in_every_login()

    for _ in range(10):
        mortal.lives_again()
        with suppress(KunjiError, Killed):
            mortal.bench.service.refresh(NAME, who="admin", replace=True)

    assert mortal.bench.script.logins - granted == 2


# What is no refusal

SILENCE: dict[str, Callable[[Dhan], None]] = {
    "429": lambda dhan: dhan.fail(LOGIN, "error_dh904_rate_limit", times=None),
    "805": lambda dhan: dhan.respond(LOGIN, 429, {"status": "failed", "data": {"805": "Too many"}}, times=None),
    "500": lambda dhan: dhan.respond(LOGIN, 500, {"errorCode": "DH-908"}, times=None),
    "502 as HTML": lambda dhan: dhan.bad_gateway(LOGIN, times=None),
    "cut off": lambda dhan: dhan.respond(LOGIN, 200, b'{"accessToken": "eyJ', times=None),
    "reset": lambda dhan: dhan.reset(LOGIN, times=None),
    "JSON list": lambda dhan: dhan.respond(LOGIN, 200, ["accessToken"], times=None),
    "empty 200": lambda dhan: dhan.respond(LOGIN, 200, b"", times=None),
    "HTML 200": lambda dhan: dhan.respond(LOGIN, 200, "<html>down for maintenance</html>", times=None),
    "null": lambda dhan: dhan.respond(LOGIN, 200, {"accessToken": None}, times=None),
}


@pytest.mark.parametrize("how", SILENCE)
def test_silence_and_nonsense_are_waited_out_at_the_pace_of_the_back_off(how: str) -> None:
    with desk_at(indian(8, 44)) as desk:
        SILENCE[how](desk.sandbox.dhan)
        for minute in range(90):
            if minute % 2:
                desk.restart()
            desk.go_to(desk.clock.now() + timedelta(minutes=1), step=5)

        moments = [seen.at for seen in desk.sandbox.dhan.requests(LOGIN)]
        assert len(moments) > 10
        for number, (one, next_) in enumerate(pairwise(moments)):
            assert next_ - one >= 0.75 * min(LONGEST_WAIT, FIRST_WAIT * 2**number).total_seconds()
        assert not desk.has_given_up()
        assert desk.kinds().count("unreachable") == 1

        desk.sandbox.dhan.heal()
        desk.go_to(desk.clock.now() + timedelta(minutes=6), step=5)
        assert desk.sandbox.dhan.attempts(CLIENT) == {"granted": 1, "refused": 0}
        assert desk.kinds().count("reachable") == 1


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_login_that_hangs_or_drips_is_ended_and_is_no_refusal(how: str) -> None:
    with desk_at(indian(9), is_hasty=True) as desk:
        getattr(desk.sandbox.dhan, how)(LOGIN, times=3)

        desk.go_to(indian(9, 3), step=5)

        assert desk.sandbox.dhan.attempts(CLIENT)["refused"] == 0
        assert not desk.has_given_up()
        assert [row.outcome for row in desk.store.history("dhan")][-3:] == ["BrokerUnreachable"] * 3
