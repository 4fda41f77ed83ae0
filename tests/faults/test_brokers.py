"""Brokers that hang, drip, lie, end tokens without a word, and people who log in elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest

from bot.accounts import Accounts
from bot.life import Account, is_live
from bot.sandbox import Sandbox
from bot.store import Store
from brokers import BrokerError, BrokerUnreachable, KunjiError, UnexpectedReply
from handlers.tokens import Portfolio
from tests.faults.desk import (
    CLIENT,
    LOGIN,
    OTHER_SEED,
    Desk,
    desk_at,
    dhan_account,
    indian,
    sandbox_at,
)
from tests.waiting import eventually

WIFE = "1000000002"
READS = ("profile", "fundlimit", "holdings", "positions")

SILENT: dict[str, Callable[[Sandbox, str], None]] = {
    "hangs": lambda sandbox, call: sandbox.dhan.hang(call, times=None),
    "drips": lambda sandbox, call: sandbox.dhan.drip(call, seconds=0.02, times=None),
    "resets": lambda sandbox, call: sandbox.dhan.reset(call, times=None),
    "is cut off": lambda sandbox, call: sandbox.dhan.cut(call, times=None),
    "is too slow": lambda sandbox, call: sandbox.dhan.delay(call, seconds=2, times=None),
    "is out of order": lambda sandbox, call: sandbox.dhan.bad_gateway(call, times=None),
}
LYING: dict[str, Callable[[Sandbox, str], None]] = {
    "sends a page": lambda sandbox, call: sandbox.dhan.respond(call, 200, "<html>hello</html>", times=None),
    "sends nothing": lambda sandbox, call: sandbox.dhan.respond(call, 200, b"", times=None),
    "sends other JSON": lambda sandbox, call: sandbox.dhan.respond(call, 200, {"hello": [1, 2]}, times=None),
    "sends a number": lambda sandbox, call: sandbox.dhan.respond(call, 200, 7, times=None),
    "sends half an object": lambda sandbox, call: sandbox.dhan.respond(call, 200, b'{"dhanClientId": "10', times=None),
    "sends bytes": lambda sandbox, call: sandbox.dhan.respond(call, 200, b"\xff\xfe\x00", times=None),
}
TROUBLES = SILENT | LYING


@contextmanager
def a_family() -> Iterator[Desk]:
    """Two accounts at Dhan on a trading morning, both logged in."""
    with sandbox_at(indian(8)) as sandbox:
        sandbox.dhan.add_client(WIFE, "551204", OTHER_SEED)
        wife = {"client_id": WIFE, "pin": "551204", "totp_secret": OTHER_SEED}

        def make(store: Store) -> list[Account]:
            return [
                dhan_account(sandbox, store, sandbox.clock, is_hasty=True),
                dhan_account(sandbox, store, sandbox.clock, is_hasty=True, name="dhan-wife", **wife),
            ]

        yield Desk(sandbox, make)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_login_ends_within_its_limit_and_is_told_as_what_it_is(trouble: str) -> None:
    with desk_at(indian(8), is_hasty=True) as desk:
        TROUBLES[trouble](desk.sandbox, LOGIN)

        with pytest.raises(BrokerUnreachable if trouble in SILENT else (UnexpectedReply, BrokerUnreachable)):
            desk.tokens.refresh("dhan", who="admin")

        eventually(lambda: desk.sandbox.dhan.calls(LOGIN) == 1)
        assert desk.tokens.held("dhan") is None
        assert not desk.has_given_up()


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_answer_about_a_token_ends_a_token(trouble: str) -> None:
    with desk_at(indian(8), is_hasty=True) as desk:
        desk.tokens.refresh("dhan", who="admin")
        TROUBLES[trouble](desk.sandbox, "profile")

        with pytest.raises(BrokerError):
            desk.tokens.probe("dhan")

        held = desk.tokens.held("dhan")
        assert is_live(held, desk.clock.now())


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_token_that_cannot_be_proved_is_kept_and_handed_out(trouble: str) -> None:
    with desk_at(indian(8), is_hasty=True) as desk:
        TROUBLES[trouble](desk.sandbox, "profile")

        refreshed = desk.tokens.refresh("dhan", who="admin")

        held = desk.store.load("dhan")
        assert held is not None
        assert held.token.value.reveal() == desk.sandbox.dhan.token(CLIENT)
        assert not getattr(refreshed, "proven", True)
        desk.sandbox.dhan.heal()
        assert desk.tokens.probe("dhan")
        kept = desk.store.load("dhan")
        assert kept is not None
        assert kept.proven


@pytest.mark.parametrize("trouble", TROUBLES)
def test_figures_that_cannot_be_had_are_a_line_each_and_the_others_are_shown(trouble: str) -> None:
    with a_family() as desk, ThreadPoolExecutor(4) as pool:
        for name in ("dhan", "dhan-wife"):
            desk.tokens.refresh(name, who="admin")
        for call in READS[1:]:
            TROUBLES[trouble](desk.sandbox, call)
        accounts = Accounts(desk.tokens, pool)

        shown: Portfolio = accounts.portfolio("dhan")
        desk.sandbox.dhan.heal()
        other = accounts.portfolio("dhan-wife")

        assert all(isinstance(part, KunjiError) for part in (shown.funds, shown.holdings, shown.positions))
        assert not any(isinstance(part, KunjiError) for part in (other.funds, other.holdings, other.positions))


def test_an_account_whose_login_hangs_holds_up_no_other() -> None:
    with a_family() as desk:
        desk.sandbox.dhan.hang(LOGIN, times=1)
        slow = threading.Thread(target=lambda: refused(desk, "dhan"))
        slow.start()
        eventually(lambda: desk.sandbox.dhan.calls(LOGIN) == 1)

        desk.tokens.refresh("dhan-wife", who="admin")

        assert desk.sandbox.dhan.attempts(WIFE)["granted"] == 1
        desk.sandbox.dhan.heal()
        slow.join(10)
        assert not slow.is_alive()


def refused(desk: Desk, name: str) -> None:
    with pytest.raises(BrokerUnreachable):
        desk.tokens.refresh(name, who="admin")


def test_the_proof_tells_which_account_fails_and_which_does_not() -> None:
    with a_family() as desk:
        desk.go_to(indian(8, 50))
        desk.sandbox.dhan.kill_token(WIFE)
        desk.go_to(indian(8, 56))

        found = {alert.account: alert.facts["ok"] for alert in desk.alerts("proof")}
        assert found == {"dhan": True, "dhan-wife": False}


# Tokens that die without notice


def test_a_token_that_died_unseen_is_found_by_the_proof() -> None:
    with desk_at(indian(8, 40)) as desk:
        desk.go_to(indian(8, 50))
        desk.sandbox.dhan.kill_token(CLIENT)

        desk.go_to(indian(8, 55, 30))

        [proof] = desk.alerts("proof")
        assert proof.facts["ok"] is False
        held = desk.tokens.store.load("dhan")
        assert held is not None
        assert held.rejected_at is not None or is_ours(desk)


def test_a_token_that_died_unseen_is_found_by_the_next_probe_and_replaced_once() -> None:
    with desk_at(indian(8, 40)) as desk:
        desk.go_to(indian(10))
        desk.sandbox.dhan.kill_token(CLIENT)

        desk.go_to(indian(10, 17))

        assert is_ours(desk)
        assert [alert.facts["replaced"] for alert in desk.alerts("intruder")] == [True]


def a_day_with_an_intruder(desk: Desk, day: int) -> int:
    """Somebody ends our token again and again from the opening on; how many logins were ours that day."""
    before = desk.sandbox.dhan.attempts(CLIENT)["granted"]
    desk.go_to(indian(9, 20, day=day))
    while desk.clock.now() < indian(15, day=day):
        if is_ours(desk):
            desk.sandbox.dhan.login_elsewhere(CLIENT)
        desk.restart()
        desk.go_to(desk.clock.now() + timedelta(minutes=7))
    return desk.sandbox.dhan.attempts(CLIENT)["granted"] - before


def test_somebody_who_logs_in_again_and_again_is_answered_once_a_day_and_then_told_of() -> None:
    with desk_at(indian(8, 40)) as desk:
        for day in range(3):
            desk.told.clear()

            assert 1 <= a_day_with_an_intruder(desk, day) <= 2
            assert [alert.facts["replaced"] for alert in desk.alerts("intruder")] == [True, False]

        assert desk.sandbox.dhan.attempts(CLIENT)["refused"] == 0


def test_every_day_has_its_morning_login_and_one_replacement() -> None:
    with desk_at(indian(8, 40)) as desk:
        assert [a_day_with_an_intruder(desk, day) for day in range(3)] == [2, 2, 2]


def is_ours(desk: Desk) -> bool:
    """The token that is alive at the broker is the one we hold."""
    held = desk.tokens.held("dhan")
    return held is not None and held.token.value.reveal() == desk.sandbox.dhan.token(CLIENT)


def test_a_broker_that_gives_somebody_elses_token_is_believed_once_and_nothing_is_kept() -> None:
    with sandbox_at(indian(8, 40)) as sandbox:
        sandbox.dhan.add_client(WIFE, "551204", OTHER_SEED)
        theirs = {"dhanClientId": WIFE, "accessToken": sandbox.dhan.web_token(WIFE)}
        sandbox.dhan.respond(LOGIN, 200, theirs, times=None)
        desk = Desk(sandbox, lambda store: [dhan_account(sandbox, store, sandbox.clock)])

        for _ in range(60):
            desk.restart()
            desk.go_to(desk.clock.now() + timedelta(minutes=5))

        assert sandbox.dhan.calls(LOGIN) == 1
        assert desk.store.load("dhan") is None
        assert desk.kinds().count("wrong_client") == 1
