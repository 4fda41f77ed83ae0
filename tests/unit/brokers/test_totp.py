from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from brokers import Drift, RateLimited, TotpSecret, current_code
from brokers._totp import SENT_AT_LEAST, SETTLED, SHOWN_AT_LEAST, fresh_code
from tests.fakes import FakeClock

LONG = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
START = datetime(2026, 11, 16, 3, 15, tzinfo=UTC)
"""The start of a window."""


class Memory:
    def __init__(self, *taken: int) -> None:
        self.taken = set(taken)
        self.asked: list[int] = []

    def reserve(self, window: int) -> bool:
        self.asked.append(window)
        fresh = window not in self.taken
        self.taken.add(window)
        return fresh


# Reading a secret.


@pytest.mark.parametrize(
    "written",
    [
        LONG,
        LONG.lower(),
        " ".join(LONG[i : i + 4] for i in range(0, 32, 4)),
        "-".join(LONG[i : i + 4] for i in range(0, 32, 4)).lower(),
        "–".join(LONG[i : i + 8] for i in range(0, 32, 8)),
        f"\ufeff{LONG[:10]}\u200b{LONG[10:]}\u00a0\n",
        "".join(chr(ord(c) + 0xFEE0) for c in LONG),
        f"otpauth://totp/Dhan:1000000001?secret={LONG.lower()}&issuer=Somebody%20else",
        f"OTPAUTH://TOTP/x?SECRET={quote(LONG[:16] + ' ' + LONG[16:])}&algorithm=sha1&digits=6&period=30",
        f"otpauth://totp/?secret={LONG}====",
    ],
)
def test_a_secret_is_read_however_it_was_copied(written: str) -> None:
    assert TotpSecret.parse(written) == TotpSecret.parse(LONG)
    assert TotpSecret.parse(written).reveal() == LONG


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B."""
    sha1 = TotpSecret.parse(f"otpauth://totp/x?secret={LONG}&digits=8")
    sha256 = TotpSecret.parse(f"otpauth://totp/x?secret={LONG}GEZDGNBVGY3TQOJQGEZA&digits=8&algorithm=SHA256")

    assert [sha1.code_at(at).reveal() for at in (59, 1111111109, 20000000000)] == ["94287082", "07081804", "65353130"]
    assert sha256.code_at(59).reveal() == "46119246"


@given(st.binary(min_size=14, max_size=40), st.integers(0, 4_000_000_000))
def test_codes_agree_with_pyotp(raw: bytes, unix: int) -> None:
    import base64

    base32 = base64.b32encode(raw).decode()

    assert TotpSecret.parse(base32).code_at(unix).reveal() == pyotp.TOTP(base32).at(unix)


def test_a_short_secret_works_as_the_broker_chose_it() -> None:
    assert TotpSecret.parse("JBSWY3DPEHPK3PXP").code_at(0).reveal() == "282760"


def test_algorithm_digits_and_period_of_an_address_are_honoured() -> None:
    secret = TotpSecret.parse(f"otpauth://totp/x?secret={LONG}&algorithm=Sha512&digits=7&period=60")

    assert (secret.digits, secret.period, secret.window_at(119.9)) == (7, 60, 1)
    assert len(secret.code_at(0).reveal()) == 7
    assert secret != TotpSecret.parse(LONG)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "empty"),
        (" - ", "empty"),
        ("ABCD0FGH", "digit 0 at position 5.*letter O"),
        ("1BCDEFGH", "digit 1 at position 1.*letter I or L"),
        ("AB 8DEFGH", "digit 8 at position 3.*letter B"),
        ("ABCDE😀GH", "position 6"),
        ("ABC=DEFG", "position 4"),
        ("ABCDEFGHI", "cut short"),
        ("hello", "at least 16 letters and digits"),
        ("482 913", "this is a code"),
        ("A" * 5000, "too long"),
        ("https://example.com/ABCD", "none that starts with otpauth"),
        ("otpauth-migration://offline?data=ABCD", "transfer code"),
        (f"otpauth://hotp/x?secret={LONG}&counter=1", "hotp"),
        ("otpauth://totp/x?issuer=y", "without one secret"),
        (f"otpauth://totp/x?secret={LONG}&secret=AAAA", "without one secret"),
        (f"otpauth://totp/x?secret={LONG}&algorithm=MD5", "algorithm"),
        (f"otpauth://totp/x?secret={LONG}&digits=12", "digits"),
        (f"otpauth://totp/x?secret={LONG}&period=³", "period"),
        (f"otpauth://[totp/x?secret={LONG}", "cannot be read"),
    ],
)
def test_what_is_wrong_is_told_without_the_secret(written: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        TotpSecret.parse(written)

    assert LONG not in f"{caught.value!r}{caught.value.__context__!r}"
    assert len(written) < 8 or written not in str(caught.value)


@given(st.text(max_size=80))
def test_any_text_is_a_secret_or_a_sentence(text: str) -> None:
    try:
        secret = TotpSecret.parse(text)
    except ValueError as error:
        told = str(error)
        assert told.startswith(("the TOTP secret", "this is"))
        return
    assert len(secret.code_at(0).reveal()) == 6


def test_a_totp_secret_does_not_print_and_is_not_pickled() -> None:
    secret = TotpSecret.parse(LONG)

    assert LONG not in f"{secret} {secret!r} {[secret]} {copy.deepcopy(secret)!r}"
    assert copy.deepcopy(secret) == secret
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_the_config_reads_one_from_text_alone() -> None:
    form = TypeAdapter(TotpSecret)

    assert form.validate_python(LONG.lower()) == TotpSecret.parse(LONG)
    with pytest.raises(ValidationError):
        form.validate_python(12345678)
    with pytest.raises(ValidationError, match="letter O") as caught:
        form.validate_python("GEZDGNB0")
    assert "letter O" in caught.value.errors(include_input=False, include_context=False)[0]["msg"]


# When a code is made.


@given(st.floats(0, 29.99), st.integers(-90, 90), st.sampled_from([0.0, SENT_AT_LEAST, SHOWN_AT_LEAST]))
def test_a_code_is_made_in_the_safe_part_of_the_brokers_window_and_never_twice(
    offset: float, error: int, at_least: float
) -> None:
    """Errors up to 5 s are left alone; beyond, two hosts' `Date` headers tell them to half a second."""
    clock = FakeClock(START + timedelta(seconds=offset))
    brokers_time = timedelta(seconds=error)
    drift, memory = told_drift(clock, brokers_time), Memory()
    secret = TotpSecret.parse(LONG)
    corrected = abs(error) > 6

    codes = []
    for _ in range(3):
        code = fresh_code(secret, clock, memory.reserve, drift, at_least)
        codes.append(code)
        true = (clock.now() + (brokers_time if corrected else drift.correction())).timestamp()
        gone = true % 30

        assert SETTLED <= gone <= 30 - max(at_least, SENT_AT_LEAST)
        assert code.digits == secret.code_at(true)
        assert clock.now() < code.expires_at <= clock.now() + timedelta(seconds=30)

    assert len(memory.taken) == len({code.expires_at for code in codes}) == 3


def told_drift(clock: FakeClock, error: timedelta) -> Drift:
    drift = Drift()
    for host in ("auth", "api"):
        for part in range(8):
            at = clock.now() + timedelta(milliseconds=125 * part)
            drift.measure(host, at, at, (at + error).replace(microsecond=0))
    return drift


def test_a_window_that_was_used_is_not_used_again() -> None:
    clock = FakeClock(START + timedelta(seconds=10))
    secret = TotpSecret.parse(LONG)
    window = secret.window_at(clock.now().timestamp())
    memory = Memory(window)

    code = fresh_code(secret, clock, memory.reserve, Drift())

    assert memory.asked == [window, window + 1]
    assert code.digits == secret.code_at((window + 1) * 30)


def test_no_end_of_used_windows_is_given_up_with_a_sentence() -> None:
    clock = FakeClock(START)

    with pytest.raises(RateLimited, match="no unused TOTP code"):
        fresh_code(TotpSecret.parse(LONG), clock, lambda window: False, Drift())

    assert clock.now() - START < timedelta(minutes=3)


def test_a_code_that_grew_old_while_its_window_was_written_down_is_given_up() -> None:
    clock = FakeClock(START + timedelta(seconds=10))
    memory = Memory()

    def slow_once(window: int) -> bool:
        clock.go(20 if not memory.asked else 0)
        return memory.reserve(window)

    code = fresh_code(TotpSecret.parse(LONG), clock, slow_once, Drift())

    assert len(memory.asked) == 2
    assert code.expires_at == START + timedelta(seconds=60)


class Jumping(FakeClock):
    """A clock that somebody sets during a sleep."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if len(self.slept) == 1:
            self.jump(-17)


class Sleepless(FakeClock):
    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_the_clock_is_read_again_after_every_sleep() -> None:
    clock = Jumping(START + timedelta(seconds=28))
    secret = TotpSecret.parse(LONG)

    code = fresh_code(secret, clock, Memory().reserve, Drift())

    assert code.digits == secret.code_at(clock.now().timestamp())
    assert SETTLED <= clock.now().timestamp() % 30 <= 26


def test_a_clock_that_does_not_move_is_not_waited_for_for_ever() -> None:
    with pytest.raises(RateLimited):
        fresh_code(TotpSecret.parse(LONG), Sleepless(START + timedelta(seconds=28)), Memory().reserve, Drift())


def test_the_seconds_left_of_a_code_are_by_our_own_clock() -> None:
    clock = FakeClock(START + timedelta(seconds=10))
    drift = told_drift(clock, timedelta(seconds=60))

    code = fresh_code(TotpSecret.parse(LONG), clock, Memory().reserve, drift)

    assert timedelta(seconds=4) <= code.expires_at - clock.now() <= timedelta(seconds=28)


def test_the_code_of_a_typed_secret_is_that_of_the_moment() -> None:
    clock = FakeClock(START + timedelta(seconds=29))
    secret = TotpSecret.parse(LONG)

    code = current_code(secret, clock)

    assert code.digits == secret.code_at(clock.now().timestamp())
    assert code.expires_at == START + timedelta(seconds=30)
    assert clock.slept == []
