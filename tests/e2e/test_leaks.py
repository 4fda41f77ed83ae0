"""Every secret is known, everything is done at four brokers and everything fails, at the most talkative log level; then
the secrets are looked for wherever somebody else could read."""

from __future__ import annotations

import json
import signal
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from bot.sandbox.faults import ANY
from bot.sandbox.standin import Broker
from tests.e2e.house import ADMIN, MONDAY, SECRET, STRANGER, SUNDAY, VIEWER, house
from tests.e2e.leaks import Hunt, pattern
from tests.e2e.trader import BY_CODE, BY_LINK, BY_THEMSELVES, CLIENTS, NO_SUCH_TOKEN, Trader, wrong_answer

PASSPHRASE = "seven blue horses & a key"
PAGE = "<html><body>We are sorry. Please try again.</body></html>"
FAULTS: dict[str, Callable[[Broker[Any]], None]] = {
    "a page": lambda broker: broker.respond(status=200, body=PAGE, times=None),
    "nothing": lambda broker: broker.respond(status=200, body=b"", times=None),
    "something else": lambda broker: broker.respond(status=200, body={"hello": [1, 2]}, times=None),
    "too many": lambda broker: broker.respond(status=429, body={"message": "Too many requests"}, times=None),
    "out of order": lambda broker: broker.bad_gateway(times=None),
    "reset": lambda broker: broker.reset(times=None),
    "cut": lambda broker: broker.cut(times=None),
    "lost": lambda broker: broker.lose(times=None),
}
REFUSED: dict[str, dict[str, str]] = {
    "dhan": {"pin": "111111"},
    "zerodha-web": {"password": "mistyped"},
    "angelone": {"pin": "1111"},
    "kotak": {"mpin": "111111"},
}
TUESDAY = MONDAY + timedelta(days=1)
KINDS = {  # that the first test must have looked for
    "API key",
    "API secret",
    "PIN",
    "TOTP code",
    "TOTP secret",
    "access token",
    "bot token",
    "feed token",
    "key of the buttons",
    "part of a session",
    "password",
    "public token",
    "refresh token",
    "request token",
    "session of the web",
    "store's key",
    "thing that is private",
}


@contextmanager
def a_trader(tmp_path: Path) -> Iterator[tuple[Trader, Hunt]]:
    with house(tmp_path, SUNDAY) as home, Hunt(home) as hunt:
        home.log_level = "debug"
        home.environment["TMPDIR"] = str(tmp_path)
        hunt.know("request token", NO_SUCH_TOKEN)
        hunt.know("passphrase", PASSPHRASE)
        yield Trader(home), hunt


def all_log_in(trader: Trader) -> None:
    """Also with what is no answer, and with one that fits two."""
    trader.says("/refresh all", "zerodha: the broker wants you")
    trader.says(wrong_answer("dhan-wife"), "dhan-wife")
    asked = trader.says("000000", "fits more than one")
    trader.presses(asked)
    for account in BY_LINK | BY_CODE:
        trader.insists(account)
        trader.says(f"/refresh {account} {wrong_answer(account)}", account)
        trader.insists(account)
        trader.says(f"/refresh {account} {trader.right_answer(account)}", account)


def all_is_shown(trader: Trader) -> None:
    for said in (
        "/start",
        "/account",
        "/account chart",
        "/orders",
        "/status",
        "/history",
        "/help",
        "/totp dhan",
        "hello",
    ):
        trader.says(said)
    for user in (VIEWER, STRANGER):
        for said in ("/account", f"/refresh dhan {trader.home.token('dhan')}"):
            trader.telegram.say(user, said, user=user)


def brokers_fail(trader: Trader, break_it: Callable[[Broker[Any]], None]) -> None:
    """In every login, and then in the figures."""
    for account in CLIENTS:
        break_it(trader.broker(account))
        trader.insists(account)
        if account in BY_LINK | BY_CODE:
            trader.says(f"/refresh {account} {wrong_answer(account)}", account)
        trader.broker(account).heal()
    for broker in trader.home.sandbox.brokers.values():
        break_it(broker)
    trader.says("/account", "All accounts")
    for broker in trader.home.sandbox.brokers.values():
        broker.heal()


def brokers_are_silent(trader: Trader) -> None:
    """Until the limit of a request is reached, which is of real time."""
    trader.home.at(TUESDAY)
    for broker in trader.home.sandbox.brokers.values():
        broker.hang(times=None)
    mark = trader.telegram.mark()
    trader.telegram.say(ADMIN, "/refresh all")
    trader.telegram.wait_for(ADMIN, "❌ kotak", after=mark, where=lambda shown: "⏳" not in shown.text, timeout=120)
    for broker in trader.home.sandbox.brokers.values():
        broker.heal()


def logins_are_refused(trader: Trader) -> None:
    for account, changed in REFUSED.items():
        broker, client = trader.broker(account), CLIENTS[account]
        known = {name: getattr(broker.bank.clients[client], name) for name in changed}
        broker.change(client, **changed)
        trader.ends_token(account)
        trader.insists(account)
        broker.change(client, **known)
        trader.insists(account)


def a_trading_day_comes(trader: Trader, hunt: Hunt) -> None:
    """Logins by themselves and by hand, the proof, and tokens that die before their time."""
    trader.home.at(MONDAY.replace(hour=8, minute=16))
    for account in BY_LINK | BY_CODE:
        trader.insists(account)
        trader.says(f"/refresh {account} {trader.right_answer(account)}", account)
    trader.home.at(MONDAY.replace(hour=8, minute=54))
    trader.home.sees("refreshed by itself")
    trader.home.at(MONDAY.replace(hour=8, minute=58))
    trader.home.sees("eady")
    hunt.learn()
    for account in CLIENTS:
        trader.ends_token(account)
    trader.home.at(MONDAY.replace(hour=9, minute=31))
    trader.home.sees("another program")


def the_bot_is_killed_in_the_middle(trader: Trader) -> None:
    brokers = {trader.broker(account): trader.broker(account).calls() for account in BY_THEMSELVES}
    for broker in brokers:
        broker.hang(times=None)
    trader.home.at(TUESDAY)  # now they may log in by themselves, too
    trader.telegram.say(ADMIN, "/refresh all")
    for broker, before in brokers.items():
        broker.wait_calls(ANY, before + 1)
    trader.home.end(signal.SIGKILL)
    for broker in brokers:
        broker.heal()
    trader.home.start()
    for account in BY_THEMSELVES:
        trader.insists(account)


def everything_ends(trader: Trader) -> None:
    """Also while Telegram is not as it should be."""
    for account in BY_THEMSELVES:
        trader.presses(trader.says(f"/logout {account}", f"Log out {account}"), account)
    trader.telegram.poison()
    trader.telegram.fail("sendMessage", 400)
    trader.telegram.say(ADMIN, "/status")
    trader.telegram.reset("getUpdates", times=2)
    trader.says("/lock", "Locked")
    trader.says(wrong_answer("zerodha"), "locked")
    trader.telegram.down()
    trader.home.process_settles()
    trader.telegram.up()
    trader.home.says("/status", "kotak", timeout=60)
    assert trader.home.end() == 0


@pytest.mark.long
def test_logins_and_what_goes_wrong_with_them_leave_no_secret_where_others_read(tmp_path: Path) -> None:
    with a_trader(tmp_path) as (trader, hunt):
        trader.home.start()
        all_log_in(trader)
        all_is_shown(trader)
        hunt.learn()
        for name in ("a page", "cut"):
            brokers_fail(trader, FAULTS[name])
        logins_are_refused(trader)

        assert hunt.found() == []
        assert hunt.kinds() >= KINDS
        assert "INFO" in trader.home.log.read_text()


@pytest.mark.long
def test_a_trading_day_and_a_sudden_end_leave_no_secret_where_others_read(tmp_path: Path) -> None:
    with a_trader(tmp_path) as (trader, hunt):
        trader.home.start()
        a_trading_day_comes(trader, hunt)
        the_bot_is_killed_in_the_middle(trader)
        everything_ends(trader)

        assert hunt.found() == []


@pytest.mark.long
def test_a_refresh_on_the_command_line_leaves_no_secret_where_others_read(tmp_path: Path) -> None:
    with a_trader(tmp_path) as (trader, hunt):
        granted = hunt.run("refresh", "dhan")
        hunt.run("refresh", "zerodha", given=f"{wrong_answer('zerodha')}\n")
        typed = trader.broker("angelone").code(CLIENTS["angelone-wife"])
        hunt.run("refresh", "angelone-wife", given=f"{typed}\n")
        hunt.learn()
        trader.home.sandbox.dhan.change(CLIENTS["dhan"], pin="111111")
        refused = hunt.run("refresh", "dhan", "--replace")

        assert (granted.returncode, refused.returncode) == (0, 1)
        assert hunt.found() == []


@pytest.mark.long
def test_what_the_command_line_is_asked_for_it_shows_there_alone(tmp_path: Path) -> None:
    with a_trader(tmp_path) as (_trader, hunt):
        hunt.run("refresh", "kotak")
        for words in (("check", "--online"), ("status",), ("token", "kotak"), ("env", "kotak"), ("totp", "dhan")):
            hunt.run(*words)
        hunt.run("totp", given=f"{SECRET}\n")
        hunt.run("backup", str(tmp_path / "kunji.backup"), given=f"{PASSPHRASE}\n")

        assert (tmp_path / "kunji.backup").exists()
        assert hunt.found() == []


@pytest.mark.long
def test_no_fault_of_a_broker_brings_a_secret_to_light(tmp_path: Path) -> None:
    with a_trader(tmp_path) as (trader, hunt):
        trader.home.start()
        all_log_in(trader)
        hunt.learn()
        for break_it in FAULTS.values():
            brokers_fail(trader, break_it)
            hunt.learn()
        for account in CLIENTS:
            for sample in trader.broker(account).samples:
                trader.broker(account).fail(sample=sample, times=None)
                trader.insists(account)
                trader.says(f"/account {account}")
                trader.broker(account).heal()
        brokers_are_silent(trader)
        assert trader.home.end() == 0

        assert hunt.found() == []


WAYS_TO_WRITE: dict[str, Callable[[bytes], str]] = {
    "as it is": lambda raw: raw.decode("latin-1"),
    "in an address": lambda raw: quote(raw, safe=""),
    "as hexadecimals": lambda raw: raw.hex(),
    "in base64": lambda raw: b64encode(raw).decode(),
    "in base64 with a name": lambda raw: urlsafe_b64encode(b"user:" + raw + b":").decode(),
    "in JSON": lambda raw: json.dumps(f"pin={raw.decode('latin-1')}"),
}


@pytest.mark.parametrize("way", WAYS_TO_WRITE)
@pytest.mark.parametrize("secret", ["S3cret/of+mine & yours", b"\x00\xff" * 16, "482913"], ids=["text", "bytes", "PIN"])
def test_a_secret_is_found_however_it_is_written(secret: str | bytes, way: str) -> None:
    raw = secret if isinstance(secret, bytes) else secret.encode()

    assert pattern(secret).search(f"before {WAYS_TO_WRITE[way](raw)} after")
    assert not pattern(secret).search("before 14829130 after")
