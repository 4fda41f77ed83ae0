from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import due
from bot.due import Act
from bot.life import Standing
from bot.store import AccountNote, HeldToken
from bot.trading import Hours, Rules, TradingDays, ist
from brokers import AccessToken, Secret
from tests.fake_broker import Script, fake_account
from tests.fakes import FakeClock
from tests.unit.scheduler.world import MONDAY, indian

RULES = Rules(Hours(), TradingDays())
MOMENTS = st.integers(0, 14 * 86400).map(lambda seconds: MONDAY + timedelta(seconds=seconds))
NAMES = st.text("abcdefghij-0123456789", min_size=1, max_size=32)


def standing(
    now: datetime,
    *,
    expires_at: datetime | None = None,
    login: str = "auto",
    script: Script | None = None,
    note: AccountNote | None = None,
    name: str = "fake",
    renewable: bool = False,
) -> Standing:
    account = fake_account(FakeClock(), None, script or Script(), name=name, login=login)
    held = None
    if expires_at is not None:
        issued_at = expires_at - timedelta(hours=24)
        held = HeldToken(AccessToken(Secret("x"), "1", issued_at, expires_at, renewable=renewable), proven=True)
    return Standing(account, held, note or AccountNote(), now)


def warning_facts(one: Standing) -> dict[str, object]:
    assert one.held is not None
    return dict(due.warning(one, one.held, due.agenda(one, RULES), RULES).facts)


@given(NAMES, MOMENTS, MOMENTS | st.none(), st.sampled_from(["auto", "assisted"]))
def test_the_next_look_is_in_the_future_and_no_later_than_anything_planned(
    name: str, now: datetime, expires_at: datetime | None, login: str
) -> None:
    one = standing(now, expires_at=expires_at, login=login, name=name)
    plan = due.agenda(one, RULES)

    look = due.next_look(name, plan, now)

    assert now < look <= now + timedelta(hours=25)
    assert all(moment <= now or look <= moment for moment in plan.values())


@given(MOMENTS, MOMENTS)
def test_what_is_due_stays_due_until_it_is_done(now: datetime, expires_at: datetime) -> None:
    one = standing(now, expires_at=expires_at, login="assisted")
    planned = due.agenda(one, RULES).get(Act.EXPIRED)
    assert planned is not None
    later = standing(max(now, planned), expires_at=expires_at, login="assisted")

    assert Act.EXPIRED in due.due(due.agenda(later, RULES), later.now)


def test_a_warning_says_that_a_refresh_helps_only_if_it_gives_a_later_expiry() -> None:
    lasting, fixed = Script(), Script(life=timedelta(hours=1))

    assert warning_facts(standing(indian(18), expires_at=indian(20), script=lasting))["refresh_helps"] is True
    assert warning_facts(standing(indian(18), expires_at=indian(20), script=fixed))["refresh_helps"] is False


def test_a_warning_about_an_assisted_account_says_when_the_admin_is_asked() -> None:
    facts = warning_facts(standing(indian(18), expires_at=indian(20), login="assisted"))

    assert facts["login"] == "assisted"
    assert facts["next_login"] == indian(8, 15, day=1).isoformat(timespec="seconds")


def test_a_warning_about_a_token_that_renews_by_itself_says_so() -> None:
    facts = warning_facts(standing(indian(7), expires_at=indian(8, 50), login="assisted", renewable=True))

    assert facts["login"] == "auto"
    assert facts["next_login"] == indian(8, 40).isoformat(timespec="seconds")


@pytest.mark.parametrize(
    ("expires_at", "loud"),
    [
        (indian(6, day=1), False),  # gone overnight, replaced before trading
        (indian(8, 44, day=1), False),
        (indian(11, day=1), False),  # replaced ten minutes before
    ],
)
def test_a_warning_is_silent_if_no_trading_is_lost(expires_at: datetime, *, loud: bool) -> None:
    one = standing(expires_at - timedelta(hours=2), expires_at=expires_at)
    assert one.held is not None

    assert due.warning(one, one.held, due.agenda(one, RULES), RULES).loud is loud


def test_a_warning_is_loud_if_the_planned_login_comes_after_trading_was_lost() -> None:
    one = standing(indian(10), expires_at=indian(12))
    assert one.held is not None
    plan = {Act.LOGIN: indian(8, 45, day=1)}

    assert due.warning(one, one.held, plan, RULES).loud


def test_a_warning_is_loud_if_logins_have_been_failing() -> None:
    one = standing(indian(10), expires_at=indian(12), note=AccountNote(failures=3))
    assert one.held is not None

    assert due.warning(one, one.held, due.agenda(one, RULES), RULES).loud


def test_a_rejected_token_is_neither_warned_about_nor_told_to_have_expired() -> None:
    one = standing(indian(10), expires_at=indian(12))
    assert one.held is not None
    held = HeldToken(one.held.token, proven=True, rejected_at=indian(9))

    for now in (indian(11), indian(13)):
        plan = due.agenda(Standing(one.account, held, one.note, now), RULES)
        assert plan.keys() <= {Act.LOGIN}


def test_a_renewable_token_of_an_assisted_account_is_not_asked_for_unless_its_renewal_fails() -> None:
    fine = standing(indian(8, 20), expires_at=indian(8, 50), login="assisted", renewable=True)
    failing = Standing(fine.account, fine.held, AccountNote(failures=2), fine.now)

    assert Act.ASK not in due.agenda(fine, RULES)
    assert Act.ASK in due.agenda(failing, RULES)


def test_an_asking_remembered_from_a_clock_that_was_ahead_does_not_silence_today() -> None:
    one = standing(indian(8, 20), login="assisted", note=AccountNote(asked_at=indian(8, 20, day=30)))

    assert due.agenda(one, RULES)[Act.ASK] <= one.now


@given(MOMENTS, NAMES)
def test_a_probe_is_planned_only_within_trading_hours(now: datetime, name: str) -> None:
    one = standing(now, expires_at=MONDAY + timedelta(days=20), name=name)
    planned = due.agenda(one, RULES).get(Act.PROBE)

    if planned is not None:
        assert time(9, 15) <= ist(planned).time() < time(15, 30)
        assert RULES.days.may_trade(ist(planned).date())
        assert now - due.PROBE_GRACE < planned


@given(MOMENTS)
def test_a_proof_comes_once_a_day_that_may_trade(now: datetime) -> None:
    first = due.next_proof(None, now, RULES)
    day = ist(max(first, now)).date()
    second = due.next_proof(day, max(first, now), RULES)

    assert RULES.days.may_trade(day)
    assert ist(second).date() > day
    assert ist(second).time() == RULES.hours.ready_at
