"""Sentences: times, money, cutting, and names that try to be markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers import Code, Consent, Funds, Holding, KunjiError, LoginRejected, Position, RateLimited, Secret
from handlers import COMMANDS, text
from handlers.tokens import Crew, LoggedOut, Portfolio, Refreshed, State
from tests.unit.handlers.markup import plain
from tests.unit.handlers.stage import HEALTHY, NOW, status_of

EVIL = "<b>&amp;\"'</b><x> & {}"
ERROR = LoginRejected(EVIL, hint=EVIL)


class Row:
    at, who, way, seconds, outcome = NOW, EVIL, EVIL, 1.5, EVIL


DESK_LIFE = timedelta(hours=3)
HOSTILE_STATUS = [
    replace(
        status_of(EVIL, state),
        broker=EVIL,
        last_refresh=Row(),
        next_login=NOW + DESK_LIFE,
        held_back=held,
        last_failure=EVIL,
        last_failure_at=NOW + DESK_LIFE,
        consent_open=True,
    )
    for state in State
    for held in (None, EVIL)
]
HOSTILE_PORTFOLIO = [
    Portfolio(
        EVIL,
        EVIL,
        Funds(Decimal(1), None, Decimal("NaN"), EVIL),
        [Holding(EVIL, EVIL, 1, None, None, None)],
        [Position(EVIL, EVIL, EVIL, 1, None, None, None, None)],
    ),
    Portfolio(EVIL, EVIL, ERROR, ERROR, ERROR),
    (EVIL, ERROR),
]
SICK = replace(HEALTHY, store_fault=EVIL, clock_error=90.0, next_login=(NOW, EVIL), alerts_parked=1, second_poller=True)
OUTCOMES = {EVIL: ERROR, "b": NOW + DESK_LIFE, "c": Consent(None, EVIL), "d": Refreshed(EVIL, NOW, EVIL, 1.0, False)}

HOSTILE = [
    text.start([EVIL], [EVIL], HOSTILE_STATUS, SICK, True, NOW),
    text.status(HOSTILE_STATUS, NOW),
    text.status(HOSTILE_STATUS, NOW, Crew(EVIL, [EVIL])),
    text.history([(EVIL, [Row()]), (EVIL, [])], NOW),
    text.help_(COMMANDS),
    text.account(HOSTILE_PORTFOLIO),
    text.asking([EVIL, EVIL]),
    text.refreshing(EVIL),
    text.refreshing_all([EVIL], 2),
    text.refreshed(Refreshed(EVIL, NOW, EVIL, 1.0, False), NOW),
    text.refreshed(Refreshed(EVIL, NOW, EVIL, 1.0, False, already=True), NOW),
    text.refreshed_all(OUTCOMES, NOW),
    text.consent(EVIL, Consent(EVIL, EVIL, NOW, asks_totp=True), NOW, False),
    text.consent(EVIL, Consent(EVIL, EVIL, NOW, asks_totp=True), NOW, False, text.Door()),
    text.login_failed(EVIL),
    text.asked_anew(EVIL),
    text.did_you_mean(EVIL),
    text.login_done(EVIL),
    text.asks_first(EVIL, NOW, NOW),
    text.failed_login(ERROR, HOSTILE_STATUS[0], NOW),
    text.failed_answer(ERROR, HOSTILE_STATUS[0], NOW),
    text.failure(ERROR, EVIL),
    text.failure(RateLimited(EVIL, retry_after=130.0)),
    text.fits_none({EVIL: EVIL, "b": EVIL}),
    text.fits_none({EVIL: EVIL}),
    text.exchanging(EVIL),
    text.code(EVIL, Code(Secret("123456"), NOW + timedelta(seconds=9)), NOW),
    text.confirm_logout(EVIL, False, NOW + DESK_LIFE, NOW),
    text.logged_out(LoggedOut(EVIL, False, NOW, EVIL), NOW),
    text.logged_out(LoggedOut(EVIL, True, None), NOW),
    text.paused(EVIL),
    text.resumed(HOSTILE_STATUS[1], True, NOW),
    text.still_wanted(EVIL, NOW, NOW),
    text.sent_long_ago(EVIL, NOW, NOW),
    text.pressed_long_ago(EVIL),
]
CONSTANTS = [getattr(text, name) for name in text.__all__ if isinstance(getattr(text, name), str)]


@pytest.mark.parametrize("html", HOSTILE + CONSTANTS)
def test_no_foreign_name_becomes_markup(html):
    seen = plain(html)

    assert "<x>" not in html
    assert all(plain(part) for part in text.split(html))
    assert seen.strip()


def test_a_toast_has_no_markup_and_fits():
    for toast in (
        text.BUTTON_DEAD,
        text.BUTTON_EXPIRED,
        text.BUTTON_SPENT,
        text.TOAST_ADMIN_ONLY,
        text.TOAST_LOCKED,
        text.TOAST_UNKNOWN,
    ):
        assert "<" not in toast
        assert len(toast) <= 200


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "₹0.00"),
        ("-0.001", "₹0.00"),
        ("999.5", "₹999.50"),
        ("1000", "₹1,000.00"),
        ("123456.5", "₹1,23,456.50"),
        ("-12345678.905", "−₹1,23,45,678.90"),
        ("NaN", "–"),
        ("Infinity", "–"),
    ],
)
def test_money_is_grouped_as_in_india(amount, shown):
    assert text.rupees(Decimal(amount)) == shown


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2))
def test_grouping_changes_no_amount(amount):
    shown = text.rupees(amount, signed=True)

    assert Decimal(shown.replace("₹", "").replace(",", "").replace("−", "-")) == amount


@pytest.mark.parametrize(
    ("ahead", "shown"),
    [
        (timedelta(0), "08:45 (0 s ago)"),
        (timedelta(seconds=45), "08:45 (in 45 s)"),
        (timedelta(hours=2, seconds=-1), "10:44 (in 2 h)"),
        (timedelta(hours=9, minutes=12), "17:57 (in 9 h 12 min)"),
        (timedelta(days=1), "08:45 tomorrow (in 1 d)"),
        (timedelta(days=3, hours=2), "10:45 on Monday (in 3 d 2 h)"),
        (timedelta(days=60), "08:45 on 19 January 2027 (in 60 d)"),
        (timedelta(hours=-9), "23:45 yesterday (9 h ago)"),
    ],
)
def test_times_are_indian_and_say_how_far_they_are(ahead, shown):
    assert text.when(NOW + ahead, NOW) == shown


@given(st.timedeltas(timedelta(days=-500), timedelta(days=500)))
def test_every_time_can_be_told(distance):
    assert text.when(NOW + distance, NOW).endswith(")")


lines = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300), st.sampled_from(["", "b", "code"])
    ),
    max_size=40,
)


@given(lines, st.integers(200, 600), st.booleans())
def test_cutting_keeps_every_letter_every_limit_and_every_tag(found, limit, quoted):
    rows = [f"<{tag}>{text.esc(row)}</{tag}>" if tag else text.esc(row) for row, tag in found]
    html = "\n".join(rows)
    html = f"<blockquote expandable>{html}</blockquote>" if quoted else html

    parts = text.split(html, limit)

    assert all(text.units(part) <= limit for part in parts)
    kept = "".join(plain(part) for part in parts)
    whole = plain(html)
    if whole.strip():
        assert "".join(kept.split()) == "".join(whole.split())


@pytest.mark.parametrize(
    "held",
    [
        "good until 17:57 (in 9~h~12~min).",
        "2~d~3~h late, after 45~s",
        "<b>new token</b>; the login took 1.6~s.",
        "20 November 2026, 08:45~IST",
        "Kotak Neo allows the next login in 38~s",
        "day's P&amp;L +^₹472.12, total P&amp;L −^₹1,20,472.12 (₹5 + ₹6)",
        "4 shares of 2 hotels, 7 days, 3 m\n5 digits\n60\ns",
    ],
)
def test_a_figure_stays_on_one_line_with_its_unit_and_its_sign(held):
    [sent] = text.split(held.replace("~", " ").replace("^", ""))

    assert sent.replace("\u00a0", "~").replace("\u2060", "^") == held


def test_blank_lines_without_end_are_no_message():
    assert text.split("\n" * 9000 + "x") == ["x"]
    assert text.split("") == ["–"]


def test_what_is_not_known_is_a_dash_and_totals_name_what_is_missing():
    holdings = [
        Holding("INFY", "NSE", 10, Decimal(100), Decimal(110), Decimal(100)),
        Holding("TCS", "NSE", 1, None, None, None),
    ]
    positions = [Position("NIFTY", "NFO", "MIS", 50, Decimal(1), Decimal(2), Decimal(50), Decimal(25))]
    first = Portfolio("dhan", "Dhan", Funds(Decimal(100000), None, None), holdings, positions)

    said = plain(text.account([first, ("kotak", KunjiError("it is paused"))]))

    assert "available ₹1,00,000.00, used –, total –" in said
    assert "worth ₹1,100.00 (without TCS)" in said
    assert "Day's P&L +₹25.00, total P&L +₹150.00 (without TCS)" in said
    assert "kotak: it is paused" in said
    assert "All accounts: day's P&L +₹25.00 (without kotak), total P&L +₹150.00 (without TCS and kotak)" in said


def test_a_part_that_failed_is_missing_from_the_total():
    only = Portfolio("dhan", "Dhan", Funds(None, None, None), [], KunjiError("no answer"))

    said = plain(text.account([only]))

    assert "Holdings: none" in said
    assert "Positions: ❌ no answer" in said
    assert "Day's P&L – (without positions), total P&L ₹0.00 (without positions)" in said


def test_of_several_accounts_a_total_says_which_account_and_which_part_is_missing():
    away = KunjiError("no answer")
    down = Portfolio("dhan", "Dhan", away, away, away)
    halting = Portfolio("kotak", "Kotak", Funds(Decimal(5), None, None), [], away)
    well = Portfolio("zerodha", "Zerodha", Funds(Decimal(7), None, None), [], [])

    said = plain(text.account([down, halting, well])).splitlines()[-1]
    under_a_chart = plain(text.chart([down, well], NOW)).splitlines()

    assert said == (
        "All accounts: day's P&L ₹0.00 (without dhan and kotak's positions), "
        "total P&L ₹0.00 (without dhan and kotak's positions)"
    )
    assert under_a_chart[0] == "All accounts at 08:45, without dhan"


def test_an_account_with_a_good_token_is_two_plain_lines():
    class Last:
        at, who, way, seconds, outcome = NOW - DESK_LIFE, "schedule", "login", 1.5, "granted"

    said = plain(text.status([status_of("dhan", last_refresh=Last())], NOW))

    assert said.splitlines() == [
        "🟢 dhan (Dhan): token good until 17:45 (in 9 h)",
        "Refreshed at 05:45 by itself (login).",
    ]


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ((), "⚠ Led by vps-1; nobody stands by."),
        (("vps-2",), "Led by vps-1; vps-2 stands by."),
        (("vps-2", "vps-3"), "Led by vps-1; vps-2 and vps-3 stand by."),
    ],
)
def test_of_several_machines_it_is_said_which_leads_and_which_stand_by(others, said):
    crew = Crew("vps-1", others)

    assert plain(text.status([status_of("dhan")], NOW, crew)).splitlines()[-1] == said
    assert said in plain(text.start(["dhan"], [], [status_of("dhan")], replace(HEALTHY, crew=crew), False, NOW))


def test_a_failure_that_was_mended_is_not_shown_any_more():
    class Last:
        at, who, way, seconds, outcome = NOW, "admin", "login", 1.5, "granted"

    mended = status_of("dhan", last_refresh=Last(), last_failure="broken", last_failure_at=NOW - DESK_LIFE)

    assert "broken" not in text.status([mended], NOW)
    assert "broken" in text.status([replace(mended, last_failure_at=NOW + timedelta(seconds=1))], NOW)


def test_a_broker_that_does_not_answer_is_seen_in_the_status():
    away = status_of("dhan", unreachable_since=NOW - timedelta(minutes=12))

    said = plain(text.status([away], NOW))

    assert "The broker has given no usable answer since 08:33, for 12 min." in said


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=12))
def test_no_sentence_holds_a_consents_address(address):
    said = text.consent("dhan", Consent(f"https://{address}", "the address you land on"), NOW, True)

    assert f"https://{address}" not in said


def test_many_accounts_are_told_worst_first_and_the_good_ones_together():
    found = [status_of(f"good-{number}") for number in range(99)]
    found.insert(50, status_of("dead", State.REJECTED))

    said = plain(text.status(found, NOW))

    assert said.startswith("100 accounts: 1 in trouble, 99 in order.")
    assert said.index("dead") < said.index("good-")
    assert said.count("token good until") == 1
    assert all(f"good-{number}" in said for number in range(99))


def test_an_account_whose_broker_is_slow_is_named_while_the_others_are_shown():
    said = plain(text.account([("kotak", KunjiError("it is paused"))], ["dhan"]))

    assert "kotak" in said
    assert "dhan: still asking" in said
    assert "All accounts" not in said
