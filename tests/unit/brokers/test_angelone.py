"""Angel One's facts in the hands of the rest of the house: its config file, and when logins are planned."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import ConfigErrors, load
from bot.life import Account, Standing, next_login
from bot.store import AccountNote, HeldToken
from bot.trading import Hours, Rules, TradingDays, ist
from brokers import AccessToken, Secret
from brokers.angelone import AngelOne, Config, Pin
from tests.contract.stand_in import account
from tests.fakes import FakeClock

RULES = Rules(Hours(), TradingDays())
CONFIG = Config("T100042", Secret("key"), Pin("4821"))
WRITTEN = {"client_id": "t100042", "api_key": "Qa7LmZ2x", "pin": "0421", "telegram_chat_id": "5001"}
FOR_ALL = {"TELEGRAM_BOT_TOKEN": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"}
moments = st.integers(0, 365 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def planned(issued_at: datetime, now: datetime, login: str) -> datetime | None:
    broker: Any = account(AngelOne, CONFIG, AngelOne.endpoints, FakeClock(now), way=login)
    token = AccessToken(Secret("t"), "T100042", issued_at, AngelOne.expiry(issued_at), renewable=True)
    ours = Account("angelone", "Angel One", broker, login, time(8, 45), "config-1")
    return next_login(Standing(ours, HeldToken(token, proven=True), AccountNote(), now), RULES)


@given(moments, st.floats(0, 1))
def test_a_token_that_could_be_renewed_to_the_same_midnight_is_left_alone(issued_at: datetime, part: float) -> None:
    expires_at = AngelOne.expiry(issued_at)
    now = issued_at + (expires_at - issued_at) * part * 0.999

    assert planned(issued_at, now, "assisted") is None
    due = planned(issued_at, now, "auto")
    assert due is None or AngelOne.expiry(due) > expires_at
    assert due is None or (ist(due).hour, ist(due).minute) >= (8, 45)


def written(folder: Path, **changes: object) -> Path:
    folder.chmod(0o700)
    file = folder / "angelone_config.json"
    file.write_text(json.dumps({name: value for name, value in (WRITTEN | changes).items() if value is not None}))
    file.chmod(0o600)
    return folder


@pytest.mark.parametrize(("secret", "login"), [(None, "assisted"), ("JBSWY3DPEHPK3PXP", "auto")])
def test_the_way_to_log_in_follows_from_the_totp_secret(tmp_path: Path, secret: str | None, login: str) -> None:
    (found,) = load(written(tmp_path, totp_secret=secret), FOR_ALL).accounts

    assert (found.broker, found.login) == ("angelone", login)
    assert found.config.client_id == "T100042"
    assert found.endpoints == AngelOne.endpoints


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pin": "MyOldPassw0rd"}, "four digits"),
        ({"pin": "421"}, "four digits"),
        ({"pin": 421}, "write it in quotes"),
        ({"api_key": None}, "api_key"),
        ({"pin": None, "totp_secret": "JBSWY3DPEHPK3PXP"}, "pin"),
        ({"api_secret": "unused"}, "unknown key"),
    ],
)
def test_a_config_that_could_only_be_refused_is_refused_here(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigErrors, match=said) as caught:
        load(written(tmp_path, **changes), FOR_ALL)

    assert "MyOldPassw0rd" not in str(caught.value)


def test_one_client_in_two_files_is_found_however_it_is_written(tmp_path: Path) -> None:
    other = written(tmp_path) / "angelone-other_config.json"
    other.write_text(json.dumps(WRITTEN | {"client_id": "T100042"}))
    other.chmod(0o600)

    with pytest.raises(ConfigErrors, match="same login"):
        load(tmp_path, FOR_ALL)
