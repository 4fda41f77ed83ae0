"""Secrets, expiry rules, the table of brokers and the measuring of clocks."""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from brokers import BROKERS, IST, Broker, Drift, NotSupported, Secret, Surroundings, TotpSecret, broker_class
from brokers._drift import BEYOND_BELIEF, WORTH_TELLING
from brokers._expiry import daily, lasting
from brokers.dhan import Config, Dhan, Pin
from tests.contract.stand_in import Windows
from tests.fakes import FakeClock

TIMES = st.integers(946_684_800, 4_000_000_000).flatmap(
    lambda unix: st.sampled_from([datetime.fromtimestamp(unix, zone) for zone in (UTC, IST)])
)
NOW = datetime(2026, 11, 16, 3, 15, tzinfo=UTC)


@given(st.text() | st.text("\ud800\udfff", max_size=3))
def test_a_secret_prints_nothing_of_itself(value: str) -> None:
    secret = Secret(value)

    assert f"{secret} {secret!r} {[secret]} {copy.deepcopy(secret)!r}" == "Secret(…) Secret(…) [Secret(…)] Secret(…)"
    assert secret == Secret(value)
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@given(TIMES, st.integers(0, 23))
def test_a_daily_expiry_comes_after_issue_and_within_a_day(issued_at: datetime, hour: int) -> None:
    expires_at = daily(hour)(issued_at)

    assert issued_at < expires_at <= issued_at + timedelta(days=1)
    assert expires_at.astimezone(IST).time().isoformat() == f"{hour:02}:00:00"


@given(TIMES, st.integers(1, 10**6))
def test_a_lasting_token_lives_as_long_as_it_says(issued_at: datetime, seconds: int) -> None:
    assert lasting(timedelta(seconds=seconds))(issued_at) - issued_at == timedelta(seconds=seconds)


# The table of brokers.


@pytest.mark.parametrize("name", BROKERS)
def test_a_broker_is_described_completely(name: str) -> None:
    broker = broker_class(name)
    config_fields = {part.name for part in fields(broker.Config)}

    assert issubclass(broker, Broker)
    assert (broker.name, broker.__name__) == (name, BROKERS[name])
    assert set(broker.ways) >= {"assisted"}
    assert set(broker.positions_on_ways) == set(broker.ways)
    assert all(config_fields.issuperset(needed) for needed in broker.ways.values())
    for endpoint, address in broker.endpoints.items():
        assert address.startswith("https://")
        assert address.split("/")[2].endswith(f".{broker.domains.get(endpoint, broker.domain)}")
        assert not address.endswith("/")


def test_an_unknown_broker_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        broker_class("nobody")


# Dhan's config.


def test_dhans_config_is_read_from_plain_text() -> None:
    config = TypeAdapter(Config).validate_python(
        {"client_id": "1", "pin": "012345", "totp_secret": "jbsw y3dp ehpk 3pxp"}
    )

    assert config.pin == Pin("012345")
    assert config.totp_secret == TotpSecret.parse("JBSWY3DPEHPK3PXP")
    assert "012345" not in repr(config)


@pytest.mark.parametrize("pin", ["12 34", "", "12a4", "１２３４", "-123"])
def test_a_pin_that_is_none_is_found_before_a_login_is_refused(pin: str) -> None:
    with pytest.raises(ValidationError, match="digits only"):
        TypeAdapter(Config).validate_python({"client_id": "1", "pin": pin})


def test_without_a_totp_secret_there_are_no_codes() -> None:
    given = Surroundings("assisted", Dhan.endpoints, FakeClock(NOW), Windows(), Drift())

    with pytest.raises(NotSupported, match="no totp_secret"):
        Dhan(Config("1"), given).code()


def test_a_code_that_is_shown_uses_up_its_window() -> None:
    windows = Windows()
    config = Config("1", totp_secret=TotpSecret.parse("JBSWY3DPEHPK3PXP"))
    given = Surroundings("assisted", Dhan.endpoints, FakeClock(NOW), windows, Drift())

    first, second = (Dhan(config, given).code() for _ in range(2))

    assert second.expires_at - first.expires_at == timedelta(seconds=30)
    assert len(windows.taken) == 2


# How far our clock is off.


def told(drift: Drift, host: str, error: float, *, times: int = 8, took: float = 0.05) -> None:
    for part in range(times):
        sent = NOW + timedelta(milliseconds=990 * part)
        date = sent + timedelta(seconds=error + took / 2)
        drift.measure(host, sent, sent + timedelta(seconds=took), date.replace(microsecond=0))


@given(st.floats(-500, 500))
def test_two_hosts_tell_the_error_to_a_fraction_of_a_second(error: float) -> None:
    drift = Drift()

    told(drift, "auth", error)
    told(drift, "api", error)

    measured = drift.error()
    assert measured is not None
    assert abs(measured.total_seconds() - error) < 0.6


def test_one_host_alone_or_two_that_contradict_are_not_believed() -> None:
    drift = Drift()

    told(drift, "auth", 60)
    assert drift.error() is None
    told(drift, "api", -60)

    assert drift.error() is None
    assert drift.correction() == timedelta(0)


@pytest.mark.parametrize(("error", "corrected"), [(3, False), (8, True), (-90, True), (590, True), (700, False)])
def test_only_an_error_worth_telling_and_believing_is_corrected(error: float, corrected: bool) -> None:
    drift = Drift()

    told(drift, "auth", error)
    told(drift, "api", error)

    assert bool(drift.correction()) == corrected
    assert timedelta(0) <= abs(drift.correction()) < BEYOND_BELIEF
    assert not corrected or abs(drift.correction()) > WORTH_TELLING


def test_after_our_clock_was_set_the_last_reply_counts() -> None:
    drift = Drift()
    for host in ("auth", "api"):
        told(drift, host, 60)
        told(drift, host, 0, times=1)

    measured = drift.error()

    assert measured is not None
    assert abs(measured) < timedelta(seconds=1.1)


@pytest.mark.parametrize("seconds", [-60, -3, 3, 60])
def test_what_was_measured_before_our_clock_was_set_is_forgotten(seconds: int) -> None:
    drift, clock = Drift(), FakeClock(NOW)
    drift.look(clock)
    told(drift, "auth", 60)
    told(drift, "api", 60)

    clock.jump(seconds)
    drift.look(clock)

    assert drift.error() is None


def test_what_was_measured_is_kept_while_time_passes() -> None:
    drift, clock = Drift(), FakeClock(NOW)
    drift.look(clock)
    told(drift, "auth", 60)
    told(drift, "api", 60)

    clock.go(86_400)
    drift.look(clock)

    assert drift.error() is not None


def test_a_reply_that_came_before_it_was_asked_for_is_left_out() -> None:
    drift = Drift()

    for host in ("auth", "api"):
        drift.measure(host, NOW, NOW - timedelta(seconds=1), NOW)

    assert drift.error() is None
