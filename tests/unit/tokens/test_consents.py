"""What a login link carries, for how long, and what of it a pasted address must bring back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.consents import NotAwaited
from brokers import BrokerUnreachable, Consent, ConsentRejected, Secret
from tests.unit.web.doorstep import CHAT, MESSAGE, PUBLIC, Doorstep


def pasted(step: Doorstep, account: str = "link", code: str = "code-1") -> Secret:
    return Secret(f"{PUBLIC}/callback/{account}?{step.query_of(account, code)}")


def test_a_link_carries_32_bytes_that_nobody_can_guess() -> None:
    step = Doorstep()

    states = {step.opens_link("link"), step.opens_link("link-two"), Doorstep().opens_link("link")}

    assert len(states) == 3
    assert all(len(query.removeprefix("state=").removesuffix("&code=code-1")) >= 43 for query in states)


def test_what_carries_no_state_is_given_none() -> None:
    step = Doorstep()

    assert step.opens_link("path") == "code=code-1"


def test_a_link_that_is_given_again_is_the_same_so_that_the_message_before_works_too() -> None:
    step = Doorstep()
    before = step.opens_link("link")
    step.clock.go(1800)

    again = step.tokens.refresh("link", who="admin")

    assert isinstance(again, Consent)
    assert step.query_of("link") == before


def test_a_link_whose_broker_names_no_end_is_good_for_half_a_day() -> None:
    step = Doorstep()
    step.opens_link("link")

    given = step.tokens.refresh("link", who="admin")

    assert isinstance(given, Consent)
    assert given.expires_at == step.clock.now() + timedelta(hours=12)
    step.clock.go_to(given.expires_at)
    assert step.tokens.consent("link") is None


def test_a_new_login_makes_the_link_before_it_worthless() -> None:
    step = Doorstep()
    step.opens_link("link")
    old = pasted(step)
    step.clock.go(3601)
    step.opens_link("link")

    with pytest.raises(ConsentRejected, match="an old one"):
        step.tokens.answer("link", old, who="admin")
    with pytest.raises(NotAwaited):
        step.tokens.awaits("link", old)
    assert step.exchanges() == 0


def test_an_address_from_another_accounts_link_is_refused_and_fits_that_account_alone() -> None:
    step = Doorstep()
    step.opens_link("link")
    step.opens_link("link-two")

    with pytest.raises(ConsentRejected, match="another account's link"):
        step.tokens.answer("link-two", pasted(step), who="admin")
    assert step.tokens.accepts("link", pasted(step)) is None
    assert "another account's link" in str(step.tokens.accepts("link-two", pasted(step)))


def test_what_is_pasted_is_taken_after_the_door_takes_it_no_more() -> None:
    step = Doorstep()
    step.opens_link("link")
    step.clock.go(3 * 3600)

    with pytest.raises(ConsentRejected, match="10 minutes"):
        step.tokens.awaits("link", pasted(step))
    assert step.tokens.answer("link", pasted(step), who="admin").way == "exchange"


def test_after_a_refused_exchange_its_link_is_worthless_and_after_an_outage_it_is_not() -> None:
    step = Doorstep()
    step.opens_link("link")
    step.scripts["link"].login = [BrokerUnreachable("it did not answer"), ConsentRejected("the code was used")]

    for error in (BrokerUnreachable, ConsentRejected):
        with pytest.raises(error):
            step.tokens.answer("link", pasted(step), who="admin")
    with pytest.raises(ConsentRejected, match="an old one"):
        step.tokens.answer("link", pasted(step, code="code-2"), who="admin")
    assert step.exchanges() == 2


def test_the_message_that_asked_is_known_to_whoever_comes_back() -> None:
    step = Doorstep()
    step.opens_link("link")

    awaited = step.tokens.awaits("link", pasted(step))

    assert (awaited.chat, awaited.message) == (CHAT, MESSAGE)


def test_the_message_that_asked_for_the_login_before_is_known_until_another_asks() -> None:
    step = Doorstep()
    step.opens_link("link")
    step.clock.go(3601)
    step.scripts["link"].login.insert(0, Consent("https://login.example/page", "the address you land on"))

    step.tokens.refresh("link", who="admin")

    opened = step.tokens.consent("link")
    assert opened is not None
    assert opened.opened_at == step.clock.now()
    assert (opened.chat, opened.message) == (CHAT, MESSAGE)
