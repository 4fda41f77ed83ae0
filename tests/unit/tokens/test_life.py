"""When a login is due by itself, and how a token stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.life import Account, Standing, next_login, outlives_today, state
from bot.store import AccountNote, HeldToken, Refused
from bot.trading import Hours, Rules, TradingDays, ist
from brokers import IST, AccessToken, Secret
from handlers.tokens import State
from tests.fake_broker import CLIENT, Script, fake_account
from tests.fakes import FakeClock

HOURS = Hours()
RULES = Rules(HOURS, TradingDays())
NOTE = AccountNote()
REFUSED = {"config-1": Refused(2, "the PIN was refused")}
TUESDAY = datetime(2026, 11, 17, tzinfo=IST)
moments = st.integers(0, 2 * 365 * 86400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


def account(login: str = "auto", life: timedelta = timedelta(hours=24)) -> Account:
    return fake_account(FakeClock(), None, Script(life=life), login=login)


def token(issued_at: datetime, life: timedelta = timedelta(hours=24), *, renewable: bool = False) -> HeldToken:
    return HeldToken(AccessToken(Secret("t"), CLIENT, issued_at, issued_at + life, renewable), proven=True)


def due(held: HeldToken | None, now: datetime, note: AccountNote = NOTE, of: Account | None = None) -> datetime | None:
    return next_login(Standing(of or account(), held, note, now), RULES)


def clock_time(hour: int, minute: int = 0, day: datetime = TUESDAY) -> datetime:
    return day.replace(hour=hour, minute=minute)


def test_a_morning_login_is_planned_for_the_next_day_that_trades() -> None:
    friday = TUESDAY + timedelta(days=3)
    held = token(clock_time(8, 45, friday))

    assert due(held, clock_time(10, day=friday)) == clock_time(8, 45, friday + timedelta(days=3))


def test_without_a_token_a_missed_morning_is_made_up_at_once() -> None:
    assert due(None, clock_time(11)) == clock_time(11)


def test_without_a_token_nothing_is_done_after_trading_ends_or_before_the_morning() -> None:
    tomorrow = TUESDAY + timedelta(days=1)

    assert due(None, clock_time(16)) == clock_time(8, 45, tomorrow)
    assert due(None, clock_time(3)) == clock_time(8, 45)


def test_a_token_made_this_morning_that_dies_in_mid_trading_is_replaced_ten_minutes_before() -> None:
    held = token(clock_time(9), life=timedelta(hours=5))

    assert due(held, clock_time(10)) == clock_time(13, 50)


def test_yesterdays_token_that_dies_today_is_replaced_in_the_morning_although_it_lives() -> None:
    held = token(clock_time(11, day=TUESDAY - timedelta(days=1)))

    assert due(held, clock_time(8)) == clock_time(8, 45)


def test_a_login_that_would_buy_nothing_is_not_planned_early() -> None:
    at_noon = account()
    at_noon.broker.expiry = lambda issued: clock_time(12).astimezone(UTC)  # type: ignore[method-assign]
    held = HeldToken(AccessToken(Secret("t"), CLIENT, clock_time(6), clock_time(12)), proven=True)

    planned = due(held, clock_time(8), of=at_noon)

    assert planned is None or planned >= clock_time(12)


def test_a_paused_a_spent_and_an_assisted_account_do_nothing_by_themselves() -> None:
    now = clock_time(10)

    assert due(None, now, replace(NOTE, paused=True)) is None
    assert due(None, now, replace(NOTE, refused=REFUSED)) is None
    assert due(None, now, of=account("assisted")) is None


def test_a_config_that_changed_forgives_refusals() -> None:
    refused = replace(NOTE, refused={"another config": Refused(2, "the PIN was refused")})

    assert due(None, clock_time(10), refused) == clock_time(10)


def test_back_off_and_the_brokers_gap_delay_a_due_login() -> None:
    now = clock_time(10)
    waiting = replace(NOTE, retry_at=now + timedelta(seconds=40), last_login_at=now - timedelta(seconds=30))

    assert due(None, now, waiting) == now + timedelta(seconds=90)


def test_a_token_found_dead_is_replaced_at_once_the_first_time_and_next_morning_the_second() -> None:
    now = clock_time(11)
    dead = replace(token(clock_time(8, 45)), rejected_at=now)

    assert due(dead, now) == now
    again = replace(NOTE, replaced_on=now.date())
    assert due(dead, now, again) == clock_time(8, 45, TUESDAY + timedelta(days=1))


@given(now=moments, age=st.integers(0, 24 * 3600 - 1))
def test_no_token_of_a_day_is_ever_unplanned_and_none_is_replaced_in_the_hour_it_was_made(
    now: datetime, age: int
) -> None:
    held = token(now - timedelta(seconds=age))

    planned = due(held, now)

    assert planned is not None
    assert (
        planned >= held.token.issued_at + timedelta(hours=1)
        or held.token.issued_at < planned <= now
        or (ist(planned).time() == time(8, 45))
    )


@given(now=moments)
def test_a_renewable_chain_never_breaks_and_settles_in_the_morning(now: datetime) -> None:
    held = token(now, renewable=True)
    for _ in range(12):
        planned = due(held, held.token.issued_at, of=account("assisted"))
        assert planned is not None
        assert held.token.issued_at < planned <= held.token.expires_at - timedelta(minutes=10)
        held = token(planned + timedelta(seconds=3), renewable=True)

    assert time(8, 30) <= ist(held.token.issued_at).time() <= time(8, 46)


@given(now=moments, left=st.integers(-90000, 90000), paused=st.booleans(), rejected=st.booleans())
def test_the_state_follows_from_token_note_and_time_alone(
    now: datetime, left: int, paused: bool, rejected: bool
) -> None:
    held = token(now + timedelta(seconds=left) - timedelta(hours=24))
    held = replace(held, rejected_at=now) if rejected else held

    found = state(Standing(account(), held, replace(NOTE, paused=paused), now), HOURS.warn_before)

    if paused:
        assert found is State.PAUSED
    elif left <= 0:
        assert found is State.EXPIRED
    elif rejected:
        assert found is State.REJECTED
    else:
        assert found is (State.EXPIRING if left <= 7200 else State.FRESH)


def test_a_token_outlives_today_only_if_proven_and_good_beyond_the_close() -> None:
    good = token(clock_time(8, 45))

    assert outlives_today(good, clock_time(10), HOURS)
    assert not outlives_today(replace(good, proven=False), clock_time(10), HOURS)
    assert not outlives_today(replace(good, rejected_at=clock_time(9)), clock_time(10), HOURS)
    assert not outlives_today(token(clock_time(8, 45, TUESDAY - timedelta(days=1))), clock_time(8), HOURS)
    assert not outlives_today(None, clock_time(10), HOURS)
