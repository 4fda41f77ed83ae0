"""What the bot says by itself can be understood by somebody half awake, and never fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import BUTTONS, text
from tests.unit.handlers.markup import plain
from tests.unit.handlers.stage import NOW, status_of

EVIL = "<b>&amp;</b><x> & {}"
AT_TEN = (NOW + timedelta(hours=2)).isoformat()


@dataclass(frozen=True)
class Alert:
    kind: str
    account: str | None = "dhan"
    facts: dict[str, Any] = field(default_factory=dict)
    at: datetime = NOW


BOT_WIDE = (
    "clock",
    "stranger",
    "second_poller",
    "second_poller_gone",
    "config_changed",
    "store",
    "took_over",
    "locked",
    "unlocked",
)
KEYS = (
    *("expires_at", "login", "next_login", "refresh_helps", "way", "reason", "code", "since"),
    *("nth", "last", "seconds", "replaced", "before", "now", "allowed", "count", "webhook", "files", "fault"),
    *("ok", "client_id", "held_back", "available", "orders_allowed", "address", "problem", "cut_off"),
    *("symbol", "side", "quantity", "filled", "price", "average_price"),
)
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(-1e9, 1e9),
    st.sampled_from([EVIL, AT_TEN, "2026-11-20", "2026-11-20T10:00:00", "assisted", "auto", "NaN", "12.5"]),
)


@pytest.mark.parametrize("kind", [*text.ALERTS, "unheard-of"])
@given(facts=st.dictionaries(st.sampled_from(KEYS), values), named=st.booleans())
def test_whatever_the_facts_there_is_a_sentence_without_foreign_markup(kind, facts, named):
    alert = Alert(kind, EVIL if named else None, facts)

    [said] = text.alerts([alert], NOW, late=timedelta(hours=3), repeat=True)

    assert "<x>" not in said
    assert plain(said)
    assert all(action in BUTTONS for action, _ in text.alert_buttons(alert))


def test_a_warning_says_what_happens_and_what_to_do():
    planned = Alert(
        "warning", facts={"expires_at": AT_TEN, "login": "auto", "next_login": AT_TEN, "refresh_helps": False}
    )
    manual = Alert(
        "warning", facts={"expires_at": AT_TEN, "login": "assisted", "next_login": None, "refresh_helps": True}
    )

    assert "dhan: the token expires at 10:45 (in 2 h).\nI log in by myself" in plain(text.alert(planned, NOW))
    assert text.alert_buttons(planned) == []
    assert "tap Refresh and log in" in text.alert(manual, NOW)
    assert text.alert_buttons(manual) == [("go", "dhan")]


@pytest.mark.parametrize("kind", ["warning", "expired"])
def test_a_paused_account_is_not_told_that_a_login_is_merely_not_planned(kind):
    said = plain(text.alert(Alert(kind, facts={"expires_at": AT_TEN, "login": "auto", "paused": True}), NOW))

    assert said.endswith("The account is paused, so nothing happens by itself: send /resume or /refresh.")


def test_a_refusal_says_what_is_at_risk_and_offers_it():
    alert = Alert("refused", facts={"reason": "PIN refused", "code": False})

    assert "PIN refused" in text.alert(alert, NOW)
    assert "may lock the account" in text.alert(alert, NOW)
    assert text.alert_buttons(alert) == [("force", "dhan")]


def test_logins_that_were_cut_off_are_not_called_refused():
    alert = Alert("refused", facts={"reason": "cut off", "cut_off": True})

    said = plain(text.alert(alert, NOW))

    assert said.startswith("❓ dhan: the last logins were cut off")
    assert "login was refused" not in said
    assert "Nobody knows whether the broker granted or refused them." in said
    assert "I try nothing more by myself" in said
    assert text.alert_buttons(alert) == [("force", "dhan")]


@pytest.mark.parametrize("kind", ["warning", "expired", "dead", "ask"])
def test_where_a_refusal_holds_logins_back_the_alert_says_it_as_status_does_and_offers_no_vain_refresh(kind):
    held_back = {"held_back": "PIN refused", "expires_at": AT_TEN, "login": "auto", "refresh_helps": True}
    alert = Alert(kind, facts=held_back)

    said, status = plain(text.alert(alert, NOW)), plain(text.status([status_of("dhan", held_back="PIN refused")], NOW))

    assert status.splitlines()[-1] in said
    assert "I no longer log in by myself: PIN refused" in said
    assert text.alert_buttons(alert) == []


@pytest.mark.parametrize("kind", ["warning", "expired"])
def test_a_login_that_is_asked_for_by_now_is_not_announced(kind):
    asked = (NOW - timedelta(minutes=44)).isoformat()

    said = plain(text.alert(Alert(kind, facts={"login": "assisted", "next_login": asked}), NOW))

    assert said.splitlines()[-1] == "Please log in now: send /refresh."


def test_the_last_reminder_says_that_it_is_the_last_and_what_that_means():
    said = plain(text.alert(Alert("ask", facts={"nth": 5, "last": True}), NOW))

    assert said.startswith("🔑 dhan: please log in (reminder 4): there is no token for today.")
    assert "This is the last time I ask today. Without a login your programs have no token: /refresh" in said


@pytest.mark.parametrize(("login", "tap"), [("auto", "tap Refresh."), ("assisted", "tap Refresh and log in.")])
def test_a_token_the_broker_ended_is_told_with_what_to_do(login, tap):
    alert = Alert("dead", facts={"expires_at": AT_TEN, "login": login})

    said = plain(text.alert(alert, NOW))

    assert said.startswith("🔴 dhan: the broker no longer accepts the token, though it was good until 10:45. ")
    assert f"Nothing is done by itself: {tap} Another program may have logged in" in said
    assert text.alert_buttons(alert) == [("go", "dhan")]


def test_accounts_with_the_same_news_share_a_sentence():
    facts = {"expires_at": AT_TEN, "login": "auto", "next_login": None, "refresh_helps": True}
    found = [Alert("warning", name, facts) for name in ("a", "b", "c")]

    [said] = text.alerts([*found, Alert("expired", "d", facts)], NOW)

    assert said.count("⏰") == 1
    assert "a, b, c: the token expires" in plain(said)
    assert "d: the token expired" in plain(said)


@pytest.mark.parametrize("kind", sorted({*text.ALERTS} - {*BOT_WIDE}))
def test_in_the_news_of_one_sweep_every_account_is_named(kind):
    found = [Alert("expired", "first"), Alert(kind, "second", {"reason": "a"}), Alert(kind, "third", {"reason": "b"})]

    [said] = text.alerts(found, NOW)

    assert all(name in plain(said) for name in ("first", "second", "third"))


def test_a_sweep_with_ten_thousand_accounts_is_cut_into_messages_that_fit():
    found = [
        Alert("expired", f"account-{number}", {"expires_at": (NOW - timedelta(minutes=number % 7)).isoformat()})
        for number in range(10_000)
    ]

    parts = text.alerts(found, NOW)

    assert all(text.units(part) <= text.LIMIT for part in parts)
    together = "".join(plain(part) for part in parts)
    assert all(f"account-{number}" in together for number in range(0, 10_000, 997))


def test_the_morning_proof_is_one_list():
    good = {"ok": True, "expires_at": AT_TEN, "available": "123456.5", "orders_allowed": True}
    bad = {"ok": False, "problem": "the token is <dead>"}

    [ready] = text.alerts([Alert("proof", "a", good), Alert("proof", "b", good)], NOW)
    [unready] = text.alerts([Alert("proof", "a", good), Alert("proof", "b", bad)], NOW)

    assert plain(ready).splitlines() == [
        "Ready for the market",
        "✅ a: good until 10:45 (in 2 h), ₹1,23,456.50 available, orders allowed",
        "✅ b: good until 10:45 (in 2 h), ₹1,23,456.50 available, orders allowed",
    ]
    assert plain(unready).splitlines()[0] == "Not ready: 1 of 2 accounts"
    assert plain(unready).splitlines()[2] == "❌ b: the token is <dead>"


def test_the_morning_proof_says_whose_account_it_is_where_that_is_known():
    whose = {"client_id": "1000000001"}
    found = [
        Alert("proof", "a", {"ok": True, "expires_at": AT_TEN, **whose}),
        Alert("proof", "b", {"ok": False, "problem": "no live token", **whose}),
        Alert("proof", "c", {"ok": False, "problem": "no live token", "client_id": None}),
    ]

    [said] = text.alerts(found, NOW)

    assert plain(said).splitlines()[1:-1] == [
        "✅ a (client 1000000001): good until 10:45 (in 2 h)",
        "❌ b (client 1000000001): no live token",
        "❌ c: no live token",
    ]


def test_the_morning_proof_says_what_holds_logins_back():
    held = {"held_back": "the last login was refused: PIN"}
    found = [
        Alert("proof", "a", {"ok": True, "expires_at": AT_TEN, **held}),
        Alert("proof", "b", {"ok": False, "problem": "no live token", **held}),
    ]

    [said] = text.alerts(found, NOW)

    assert plain(said).splitlines()[1:] == [
        "✅ a: good until 10:45 (in 2 h); ⚠ I no longer log in by myself: the last login was refused: PIN. "
        "Correct a_config.json and restart the bot, or send /refresh a to try once more.",
        "❌ b: no live token; ⚠ I no longer log in by myself: the last login was refused: PIN. "
        "Correct b_config.json and restart the bot, or send /refresh b to try once more.",
        "Until the market opens I look again every minute, and say what is ready then.",
    ]
    assert [action for alert in found for action in text.alert_buttons(alert)] == []


def test_the_morning_proof_offers_a_refresh_where_it_helps():
    no_token = Alert("proof", facts={"ok": False, "problem": "there is no live token"})
    elsewhere = Alert("proof", facts={"ok": False, "problem": "orders are not allowed", "orders_allowed": False})

    assert text.alert_buttons(no_token) == [("go", "dhan")]
    assert text.alert_buttons(elsewhere) == []
    assert "❌ dhan: orders are not allowed: register it at the broker" in plain(text.alert(elsewhere, NOW))


def test_an_alert_that_waited_while_the_bot_was_not_running_does_not_blame_telegram():
    [said] = text.alerts([Alert("reachable")], NOW, late=timedelta(hours=3), why=text.Why.AWAY)

    assert "sent 3 h late: the bot was not running)" in plain(said)
    assert "Telegram" not in said


def test_a_late_alert_says_how_late_and_why_and_a_repeat_says_so():
    [said] = text.alerts([Alert("reachable")], NOW, late=timedelta(hours=3, minutes=12), repeat=True)

    assert "(this was due at 05:33, sent 3 h 12 min late: Telegram could not be reached)" in plain(said)
    assert "possibly a repeat" in said


@pytest.mark.parametrize("kind", BOT_WIDE)
def test_news_of_the_bot_itself_needs_no_account(kind):
    assert "{}" not in text.alert(Alert(kind, None, {"seconds": 9.0, "files": "a", "fault": "b"}), NOW)
