"""What is to be entered at the brokers."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from bot.addresses import to_enter
from bot.life import Account
from brokers import Broker, Secret, TotpSecret
from brokers.dhan import Dhan
from brokers.kotak import Kotak
from brokers.zerodha import Zerodha
from tests.contract.stand_in import account
from tests.fake_broker import Script, fake_account
from tests.fakes import FakeClock

CLOCK = FakeClock()
APP = Secret("key"), Secret("secret")


def derive(purpose: str) -> bytes:
    return hashlib.sha256(purpose.encode()).digest()


def at(kind: type[Broker[Any]], config: Any, way: str) -> Account:
    broker = account(kind, config, "http://127.0.0.1:9", CLOCK, way=way)
    return replace(fake_account(CLOCK, None, Script(), login=way), broker=broker)


def told(**accounts: Account) -> dict[str, list[str]]:
    """The addresses, by the account they are for."""
    found = {}
    for entry in to_enter(accounts, "https://kunji.example", derive):
        head, *rows = entry.splitlines()
        found[head.partition(":")[0]] = [row.split()[-1] for row in rows]
    return found


def test_a_login_by_link_has_an_address_to_come_back_to_and_an_automatic_one_has_none() -> None:
    auto = Dhan.Config("1000000001", totp_secret=TotpSecret.parse("A" * 32))
    found = told(
        assisted=at(Dhan, Dhan.Config("1000000001", None, None, *APP), "assisted"),
        auto=at(Dhan, auto, "auto"),
        kite=at(Zerodha, Zerodha.Config("AB1234", *APP), "assisted"),
    )

    assert found["assisted"][0].startswith("https://kunji.example/callback/assisted/")
    assert found["kite"][0] == "https://kunji.example/callback/kite"
    assert not any("/callback/" in one for one in found["auto"])


def test_no_two_guarded_parts_are_alike() -> None:
    found = told(
        one=at(Dhan, Dhan.Config("1000000001", None, None, *APP), "assisted"),
        two=at(Dhan, Dhan.Config("1000000002", None, None, *APP), "assisted"),
    )

    parts = [address.rpartition("/")[2] for addresses in found.values() for address in addresses]
    assert len(parts) == len(set(parts)) == 4
    assert all(len(part) == 32 for part in parts)


def test_where_there_is_nothing_to_enter_nothing_is_said() -> None:
    mobile = Kotak.Config("ZT4K9", Secret("key"), "+919000000042", Secret("012345"))

    assert told(kotak=at(Kotak, mobile, "assisted")) == {}
