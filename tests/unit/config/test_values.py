"""Values that stand for something else: variables, files, sealed values, placeholders."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.config import ConfigErrors, load
from bot.keys import seal_value
from tests.unit.config.files import AUTO, BOT_TOKEN, FLAT, OTHER, faults, loaded, only_fault, write

KEY = b"k" * 32


def test_a_value_may_come_from_the_environment(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": "${DHAN_PIN}"})

    config = loaded(folder, {"DHAN_PIN": "000042"})

    assert config.accounts[0].config.pin.reveal() == "000042"


def test_a_value_may_come_from_the_dotenv_file_which_stays_out_of_the_process(folder: Path) -> None:
    write(folder, ".env", "KUNJI_TEST_KEY='a$HOME'\n")
    write(folder, "dhan_config.json", AUTO | {"api_key": "${KUNJI_TEST_KEY}"})

    config = loaded(folder)

    assert config.accounts[0].config.api_key.reveal() == "a$HOME"
    assert "KUNJI_TEST_KEY" not in os.environ


def test_the_environment_comes_before_the_dotenv_file(folder: Path) -> None:
    write(folder, ".env", f"DHAN_PIN=111111\nTELEGRAM_BOT_TOKEN={BOT_TOKEN}x\n")
    write(folder, "dhan_config.json", AUTO | {"pin": "${DHAN_PIN}"})

    config = loaded(folder, {"DHAN_PIN": "222222", "TELEGRAM_BOT_TOKEN": BOT_TOKEN})

    assert config.accounts[0].config.pin.reveal() == "222222"
    assert config.bot_token.reveal() == BOT_TOKEN


def test_a_variable_that_is_not_set_is_named(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": "${DHAN_PIN}"})

    assert only_fault(folder) == ("dhan_config.json: pin: expected the variable DHAN_PIN in the environment or in .env")


@pytest.mark.parametrize("text", ["$DHAN_PIN", "a${DHAN_PIN}", "${DHAN_PIN}b", "${}", "${A-B}"])
def test_only_a_whole_value_is_a_variable(folder: Path, text: str) -> None:
    write(folder, "dhan_config.json", AUTO | {"api_key": text})

    assert loaded(folder, {"DHAN_PIN": "1"}).accounts[0].config.api_key.reveal() == text


def test_a_value_may_come_from_a_file(folder: Path) -> None:
    write(folder, "pin.txt", "000042\n")
    write(folder, "dhan_config.json", AUTO | {"pin": "file:pin.txt", "telegram_bot_token": f"file:{folder}/bot.txt"})
    write(folder, "bot.txt", BOT_TOKEN)

    config = loaded(folder)

    assert config.accounts[0].config.pin.reveal() == "000042"
    assert config.bot_token.reveal() == BOT_TOKEN


def test_a_file_that_is_not_there_is_told_without_the_value(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": "file:hidden/place"})

    fault = only_fault(folder)

    assert fault == "dhan_config.json: pin: expected a file that can be read: no such file or directory"


@pytest.mark.parametrize("place", ["file:", "file:.", "file:a\0b", "file:\ud800"])
def test_what_can_be_no_file_with_a_secret_is_told(folder: Path, place: str) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": place})

    assert only_fault(folder).startswith("dhan_config.json: pin: expected a")


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes here")
def test_a_file_with_a_secret_is_held_to_the_same_rules(folder: Path) -> None:
    write(folder, "pin.txt", "000042\n", 0o644)
    write(folder, "dhan_config.json", AUTO | {"pin": "file:pin.txt"})

    assert only_fault(folder).startswith("dhan_config.json: pin: can be read by others: chmod 600 ")


def test_a_sealed_value_is_opened_with_the_stores_key(folder: Path) -> None:
    sealed = seal_value(KEY, "dhan", "pin", "000042")
    write(folder, "dhan_config.json", AUTO | {"pin": sealed})

    config = load(folder, {}, key=lambda: KEY)

    assert config.accounts[0].config.pin.reveal() == "000042"


def test_a_sealed_value_is_bound_to_its_account_and_field(folder: Path) -> None:
    sealed = seal_value(KEY, "dhan", "pin", "000042")
    write(folder, "dhan-b_config.json", AUTO | {"pin": sealed})
    write(folder, "dhan_config.json", FLAT | OTHER | {"api_secret": sealed})

    with pytest.raises(ConfigErrors) as caught:
        load(folder, {}, key=lambda: KEY)

    assert [(fault.file, fault.key) for fault in caught.value.faults] == [
        ("dhan-b_config.json", "pin"),
        ("dhan_config.json", "api_secret"),
    ]


def test_the_key_is_asked_for_only_if_something_is_sealed(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)

    def no_key() -> bytes:
        raise AssertionError("nobody needs the key")

    assert load(folder, {}, key=no_key).accounts


def test_a_sealed_value_without_a_key_is_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": seal_value(KEY, "dhan", "pin", "000042")})

    assert only_fault(folder) == "dhan_config.json: pin: is sealed, and there is no key here to open it"


@pytest.mark.parametrize("key", sorted(FLAT))
def test_a_placeholder_left_from_the_example_says_so(folder: Path, key: str) -> None:
    write(folder, "dhan_config.json", FLAT | {key: f"YOUR_{key.upper()}"})

    leave = ", or leave it out" if key == "totp_secret" else ""
    assert only_fault(folder) == (
        f"dhan_config.json: {key}: is still the placeholder of the example; put your own value there{leave}"
    )


@pytest.mark.parametrize(
    ("more", "key", "spare"),
    [
        ({}, "api_key", True),
        ({}, "pin", False),
        ({"login": "auto"}, "api_key", True),
        ({"login": "assisted"}, "api_key", False),
        ({"login": "assisted"}, "pin", True),
        ({"login": "nowhere"}, "pin", False),
        ({"broker": "nobody"}, "pin", False),
        ({"broker": ["dhan"]}, "pin", False),
    ],
)
def test_only_what_the_way_to_log_in_does_without_may_be_left_out(
    folder: Path, more: dict[str, object], key: str, spare: bool
) -> None:
    write(folder, "dhan_config.json", FLAT | {"pin": "012345"} | more | {key: f"YOUR_{key.upper()}"})

    fault = next(one for one in faults(folder) if "placeholder" in one)
    assert ("or leave it out" in fault) is spare


def test_an_empty_value_is_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": " "})

    assert only_fault(folder) == "dhan_config.json: pin: is empty; leave the key out where it is not used"


def test_null_is_the_same_as_nothing(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"api_key": None, "login": None, "admin_chat_id": None})

    assert loaded(folder).accounts[0].login == "auto"


PLANTED = "pLaNtEd"
KEYS = [*FLAT, "pin", "login", "broker", "endpoints", "morning", "viewer_user_ids", "unknown_key"]
SHAPES = st.recursive(
    st.sampled_from(
        [PLANTED, f"file:{PLANTED}", f"sealed:{PLANTED}", f"YOUR_{PLANTED}", f"http://{PLANTED}", f" {PLANTED}"]
    )
    | st.booleans()
    | st.floats(allow_nan=True)
    | st.integers()
    | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["api", "auth"]), inner, max_size=2),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(KEYS), SHAPES, max_size=6))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_written_is_taken_or_refused_in_words_without_the_value(
    folder: Path, written: dict[str, object]
) -> None:
    write(folder, "dhan_config.json", json.dumps(FLAT | written))

    refused: ConfigErrors | None = None
    try:
        load(folder, {}, key=lambda: KEY)
    except ConfigErrors as error:
        refused = error

    if refused is not None:
        assert PLANTED not in str(refused) + repr(refused) + repr(refused.__context__)
        assert refused.faults
