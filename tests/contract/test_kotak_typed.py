"""Kotak Neo without a stored TOTP secret: the admin types the six digits."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from brokers import CodeRejected, Consent, ConsentRejected, Secret
from brokers.kotak import Kotak
from tests.contract.nonsense import pasted, taken
from tests.contract.stand_in import StandIn, account, everything_said, says
from tests.contract.suite import refused_in_one_sentence
from tests.contract.test_kotak import CLIENT, LOGIN, NOW, SAMPLES, TRADED, TYPED, VALIDATE, VIEWED, kotak, sample
from tests.fakes import FakeClock


def test_without_a_totp_secret_the_six_digits_are_asked_for_and_nobody_else_is(server: StandIn) -> None:
    consent = kotak(server, TYPED, "assisted").login()

    assert consent == Consent(None, "the six digits of your authenticator app")
    assert server.seen == []


@pytest.mark.parametrize("pasted", ["218604", " 218604\n", "218 604", "21 86 04", "218\u00a0604"])
def test_a_typed_code_logs_in(server: StandIn, pasted: str) -> None:
    server.will(says(200, VIEWED), says(200, TRADED))
    ours = kotak(server, TYPED, "assisted")

    token = ours.exchange(ours.answer_in(Secret(pasted)))

    assert token.client_id == CLIENT
    assert json.loads(server.seen[0].body) == sample("req_login")
    assert [seen.path for seen in server.seen] == [LOGIN, VALIDATE]


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "hello",
        "21860",
        "2186044",
        "218-604",
        "code 218604",
        "２１８６０４",
        "x" * 5000,
        "https://mis.kotaksecurities.com/login/1.0/tradeApiLogin",
        "https://auth.dhan.co/login/consentApp-login?consentAppId=5b0f6a52-3c1d-4c8e-9a77-1f2e3d4c5b6a",
        "http://127.0.0.1/?request_token=abcdefghijklmnopqrstuvwxyz123456&status=success",
        "http://127.0.0.1/?code=218604",
        VIEWED["data"]["token"],
    ],
)
def test_anything_else_is_refused_in_one_sentence_without_asking_anybody(server: StandIn, pasted: str) -> None:
    ours = kotak(server, TYPED, "assisted")

    for call in (ours.answer_in, ours.exchange):
        refused_in_one_sentence(call, pasted, "six digits")
    assert server.seen == []


def test_an_account_that_logs_in_by_itself_takes_no_code(server: StandIn) -> None:
    with pytest.raises(ConsentRejected, match="logs in by itself"):
        kotak(server).answer_in(Secret("218604"))


def test_a_refused_typed_code_is_not_sent_again(server: StandIn) -> None:
    server.will(says(401, sample("login_err_totp_401")))
    typed = Secret("".join(str(digit) for digit in (2, 1, 8, 6, 0, 4)))  # a traceback quotes this line

    with pytest.raises(CodeRejected) as caught:
        kotak(server, TYPED, "assisted").exchange(typed)

    assert len(server.seen) == 1
    assert "218604" not in everything_said(caught.value)
    assert caught.value.hint == "was it this account's, and did your app still show it when you sent it?"


@given(pasted(SAMPLES.bodies()))
def test_nothing_pasted_makes_anything_but_six_digits_or_a_refusal(text: str) -> None:
    ours = account(Kotak, TYPED, Kotak.endpoints, FakeClock(NOW), way="assisted")

    answer = taken(ours.answer_in, text)

    assert answer is None or len(answer) == 6
