"""No answer of Kotak Neo, whatever it is, makes a parser raise anything but our errors."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from brokers import IST, KunjiError
from brokers.kotak import Kotak
from brokers.kotak._account import alive, funds_in, holdings_in, order_address_in, orders_in, positions_in
from brokers.kotak._refusals import TRADE, VIEW, accepted, granted, listed
from tests.contract.nonsense import STATUSES, anything, raises_only_ours, raw, reply
from tests.contract.stand_in import account, jwt
from tests.contract.test_kotak import AUTO, CLIENT, MIDNIGHT, NOW, SAMPLES, TRADED, sample
from tests.fakes import FakeClock

PARSERS = [
    alive,
    funds_in,
    holdings_in,
    positions_in,
    orders_in,
    order_address_in,
    accepted,
    listed,
    lambda got: granted(got, VIEW),
    lambda got: granted(got, TRADE),
]
BODIES = SAMPLES.bodies()
WORDS = ("1e99", "1e-99", "-5", "-0", "0", 0, "5203", 5203)


@given(raw(BODIES, *WORDS), STATUSES)
def test_no_reply_makes_a_parser_raise_anything_but_our_errors(body: object, status: int) -> None:
    for parse in PARSERS:
        assert raises_only_ours(parse, reply(body, status))


@given(st.dictionaries(st.sampled_from(sorted(TRADED["data"])), anything(*WORDS), max_size=2))
def test_no_answer_of_a_login_makes_anything_but_a_token_or_one_of_our_errors(changes: dict[str, object]) -> None:
    ours = kotak_without_a_server()
    try:
        token = ours._token(granted(reply({"data": TRADED["data"] | changes}), TRADE), CLIENT, NOW)
    except KunjiError:
        return
    assert NOW < token.expires_at <= MIDNIGHT
    assert token.expires_at.tzinfo is UTC
    assert ours.headers(token)


AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)


@given(AMOUNTS, AMOUNTS)
def test_money_survives_to_the_paisa(net: Decimal, used: Decimal) -> None:
    funds = funds_in(reply(sample("limits_ok") | {"Net": str(net), "MarginUsed": str(used)}))

    assert (funds.available, funds.used, funds.total) == (net, used, net + used)


def kotak_without_a_server() -> Any:
    return account(Kotak, AUTO, Kotak.endpoints, FakeClock(NOW))


@given(st.integers(1_600_000_000, 4_000_000_000), st.integers(-(10**6), 10**6))
def test_a_session_ends_after_its_issue_and_not_after_the_next_midnight(now: int, told: int) -> None:
    issued = datetime.fromtimestamp(now, UTC)
    ours = account(Kotak, AUTO, Kotak.endpoints, FakeClock(issued))

    token = ours._token(TRADED["data"] | {"token": jwt(exp=now + told)}, CLIENT, issued)

    midnight = Kotak.expiry(issued)
    assert issued < token.expires_at <= midnight
    assert midnight.astimezone(IST).time().isoformat() == "00:00:00"
