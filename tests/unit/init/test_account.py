"""What is asked for an account, at every broker and for every way to log in."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click
import pytest

from bot.config import ConfigErrors, name_fault
from bot.init._account import ask_account, nearest_name
from bot.init._draft import refuse_broken
from brokers import BROKERS, broker_class
from tests.unit.config.files import AUTO, BOT_TOKEN, write
from tests.unit.init.scripted import SECRET, Scripted, answers_for, draft_in

WAYS = [(broker, way) for broker in BROKERS for way in broker_class(broker).ways]


@pytest.mark.parametrize("broker", BROKERS)
def test_every_field_and_way_of_a_broker_is_explained(broker: str) -> None:
    kind = broker_class(broker)

    assert set(kind.asks) == {part.name for part in fields(kind.Config)}
    assert kind.ways_in_words.keys() == kind.ways.keys()


@pytest.mark.parametrize(("broker", "way"), WAYS)
def test_what_is_asked_is_enough_and_nothing_that_is_secret_is_seen(folder: Path, broker: str, way: str) -> None:
    draft = draft_in(folder)
    person = Scripted(answers_for(broker))

    ask_account(draft, person, way, endpoints=None)

    draft.bot["telegram_bot_token"] = BOT_TOKEN
    [account] = draft.supposing_a_chat().config().accounts
    assert (account.broker, account.login) == (broker, way)
    open_ones = {what for what, secret in person.asked if not secret}
    assert open_ones <= {"number", "name", "client id", "redirect URL"}
    assert not any(secret.reveal() in person.words for secret in account.secrets)


@pytest.mark.parametrize("broker", BROKERS)
def test_a_way_the_broker_does_not_want_is_neither_offered_nor_taken_for_granted(folder: Path, broker: str) -> None:
    person = Scripted(answers_for(broker))

    ask_account(draft_in(folder), person, None, endpoints=None)

    assert broker_class(broker).ways_in_words.get("unofficial", "unofficial") not in person.words


def test_the_way_zerodha_does_not_want_takes_a_word_of_its_own_and_a_yes(folder: Path) -> None:
    person = Scripted(answers_for("zerodha"), agrees=False)

    with pytest.raises(click.Abort):
        ask_account(draft_in(folder), person, "unofficial", endpoints=None)

    assert "against its stated position" in person.words


def test_a_way_that_is_none_is_answered_with_those_there_are(folder: Path) -> None:
    with pytest.raises(click.UsageError, match="assisted, unofficial"):
        ask_account(draft_in(folder), Scripted(answers_for("zerodha")), "auto", endpoints=None)


def test_the_first_free_name_is_offered(folder: Path) -> None:
    for name in ("dhan_config.json", "dhan-2_config.json"):
        write(folder, name, {})
    draft = draft_in(folder)

    ask_account(draft, Scripted(answers_for("dhan")), None, endpoints=None)

    assert draft.name == "dhan-3"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("Mein Dhan", "mein-dhan"),
        ("  DHAN!", "dhan"),
        ("Café / 2", "cafe-2"),
        ("dhan_config.json", "dhan-config-json"),
        ("x" * 40, "x" * 32),
        ("मेरा", ""),
    ],
)
def test_the_nearest_name_that_may_be_is_found(typed: str, offered: str) -> None:
    assert nearest_name(typed) == offered
    assert not offered or name_fault(offered) is None


@pytest.mark.parametrize(("typed", "taken"), [("Mein Dhan", "mein-dhan"), ("मेरा", "dhan"), ("Bot!", "dhan")])
def test_a_name_that_may_not_be_is_answered_with_what_may_and_the_nearest_is_offered(
    folder: Path, typed: str, taken: str
) -> None:
    person = Scripted(answers_for("dhan", name=[typed, ""]))
    draft = draft_in(folder)

    ask_account(draft, person, None, endpoints=None)

    assert "expected small letters, digits and dashes" in person.words
    assert "_config.json" not in person.words
    assert draft.name == taken


@pytest.mark.parametrize(
    ("broker", "what", "value"),
    [
        ("dhan", "client id", "12"),
        ("dhan", "PIN", "0123456789"),
        ("kotak", "MPIN", "0123"),
        ("angelone", "client id", "100042"),
        ("zerodha", "client id", "AB12345"),
    ],
)
def test_a_value_of_unusual_shape_is_asked_about_and_may_be_kept(
    folder: Path, broker: str, what: str, value: str
) -> None:
    draft = draft_in(folder)
    person = Scripted(answers_for(broker, **{what: value}))

    ask_account(draft, person, None, endpoints=None)

    assert "As a rule" in person.words
    assert value in draft.account.values()


def test_a_value_of_unusual_shape_is_asked_for_again_if_it_is_not_right(folder: Path) -> None:
    draft = draft_in(folder)
    person = Scripted(answers_for("dhan", PIN=["0123456789", "012345"]), agrees=False)

    ask_account(draft, person, None, endpoints=None)

    assert "once more: expected six digits" in person.words
    assert draft.account["pin"] == "012345"


def test_a_value_that_lies_elsewhere_has_no_shape(folder: Path) -> None:
    write(folder, ".env", "DHAN_PIN=012345")
    draft = draft_in(folder)
    person = Scripted(answers_for("dhan", PIN="${DHAN_PIN}"))

    ask_account(draft, person, None, endpoints=None)

    assert "As a rule" not in person.words


@pytest.mark.parametrize(
    ("broker", "what", "value", "told"),
    [
        ("dhan", "client id", "10000O0001", "digits only"),
        ("dhan", "TOTP secret", "hello", "at least 16"),
        ("angelone", "PIN", "012345", "four digits"),
        ("kotak", "MPIN", "012", "six digits"),
        ("kotak", "mobile number", "12345", "ten digits"),
    ],
)
def test_what_cannot_be_right_is_told_in_a_sentence_and_asked_for_again(
    folder: Path, broker: str, what: str, value: str, told: str
) -> None:
    draft = draft_in(folder)
    person = Scripted(answers_for(broker, **{what: [value, str(answers_for(broker)[what])]}))

    ask_account(draft, person, None, endpoints=None)

    assert told in person.words
    assert value not in draft.account.values()


def test_another_accounts_secret_is_told_and_asked_for_again(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    own = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
    person = Scripted(answers_for("dhan", **{"client id": "1000000002", "TOTP secret": [SECRET, own]}))
    draft = draft_in(folder)

    ask_account(draft, person, None, endpoints=None)

    assert "is the same as in dhan_config.json" in person.words
    assert draft.account["totp_secret"] == own


@pytest.mark.parametrize("content", [AUTO, AUTO | {"telegram_chat_id": None}, {"client_id": "1"}])
def test_only_what_is_wrong_already_is_held_against_the_folder(folder: Path, content: dict[str, object]) -> None:
    write(folder, "dhan_config.json", content)
    draft = draft_in(folder)

    if content == AUTO:
        refuse_broken(draft)
    else:
        with pytest.raises(ConfigErrors) as refused:
            refuse_broken(draft)
        assert {fault.file for fault in refused.value.faults} == {"dhan_config.json"}


def test_an_empty_folder_and_none_at_all_are_good_to_begin_with(folder: Path) -> None:
    refuse_broken(draft_in(folder))
    refuse_broken(draft_in(folder / "not there"))
