from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.trading import KNOWN_YEARS, TradingDays, at, in_quiet_hours, ist


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 26),  # Republic Day
        date(2026, 3, 3),  # Holi
        date(2026, 10, 2),  # Gandhi Jayanti
        date(2025, 12, 25),  # Christmas
        date(2025, 10, 22),  # Balipratipada
    ],
)
def test_a_holiday_of_the_exchange_does_not_trade(day: date) -> None:
    assert not TradingDays().may_trade(day)


def test_an_ordinary_weekday_trades() -> None:
    assert TradingDays().may_trade(date(2026, 1, 27))


@given(st.dates(date(2001, 1, 1), date(2100, 12, 31)))
def test_a_weekend_does_not_trade(day: date) -> None:
    saturday = day + timedelta(days=5 - day.weekday())

    assert not TradingDays().may_trade(saturday)
    assert not TradingDays().may_trade(saturday + timedelta(days=1))


def test_a_holiday_whose_date_is_only_estimated_may_trade() -> None:
    assert TradingDays().may_trade(date(2026, 5, 28))


def test_diwali_may_trade_as_there_is_an_hour_of_muhurat_trading() -> None:
    assert TradingDays().may_trade(date(2025, 10, 21))


@given(st.dates(date(KNOWN_YEARS.stop, 1, 1), date(2150, 12, 31)))
def test_every_weekday_of_a_year_not_announced_yet_may_trade(day: date) -> None:
    assert TradingDays().may_trade(day) == (day.weekday() < 5)


def test_the_admin_can_add_trading_days_and_holidays() -> None:
    budget_sunday, strike = date(2026, 2, 1), date(2026, 2, 3)
    days = TradingDays(extra_trading_days=[budget_sunday], extra_holidays=[strike])

    assert days.may_trade(budget_sunday)
    assert not days.may_trade(strike)


def test_a_day_that_is_named_both_ways_may_trade() -> None:
    day = date(2026, 2, 3)

    assert TradingDays([day], [day]).may_trade(day)


def test_times_of_day_are_indian() -> None:
    assert at(date(2026, 1, 5), time(8, 45)) == datetime(2026, 1, 5, 3, 15, tzinfo=UTC)
    assert ist(datetime(2026, 1, 5, 20, 0, tzinfo=UTC)).date() == date(2026, 1, 6)


@pytest.mark.parametrize(
    ("clock", "quiet"),
    [(time(21, 59), False), (time(22), True), (time(3), True), (time(6, 59), True), (time(7), False)],
)
def test_quiet_hours_may_span_midnight(clock: time, *, quiet: bool) -> None:
    assert in_quiet_hours(at(date(2026, 1, 5), clock), (time(22), time(7))) is quiet


@pytest.mark.parametrize(("clock", "quiet"), [(time(12), False), (time(13), True), (time(14), False)])
def test_quiet_hours_may_lie_within_a_day(clock: time, *, quiet: bool) -> None:
    assert in_quiet_hours(at(date(2026, 1, 5), clock), (time(13), time(14))) is quiet


def test_without_quiet_hours_it_is_never_quiet() -> None:
    assert not in_quiet_hours(at(date(2026, 1, 5), time(3)), None)
