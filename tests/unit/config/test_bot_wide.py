"""What holds for the bot as a whole."""

from __future__ import annotations

from datetime import date, time, timedelta
from pathlib import Path

import pytest

from bot.config import file_fingerprint, fingerprint
from bot.listening import Port, Tls, UnixSocket
from bot.trading import Hours
from kunji._places import find
from tests.unit.config.files import AUTO, BOT_TOKEN, FLAT, OTHER, faults, loaded, only_fault, write

OTHER_TOKEN = "110201544:BBHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
PASSWORD = "hunter2-hunter2"
ADDRESS = f"redis://kunji:{PASSWORD}@10.0.0.7:6379/0"
BARE = {key: value for key, value in AUTO.items() if key != "telegram_bot_token"}


def test_without_a_bots_file_everything_has_its_default(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)

    config = loaded(folder)

    assert config.hours == Hours()
    assert (config.store, config.proxy, config.telegram_api_url, config.totp_in_chat) == (None, None, None, True)
    assert config.extra_trading_days == config.extra_holidays == frozenset()


def test_every_key_of_the_bots_file_is_taken(folder: Path) -> None:
    write(folder, "dhan_config.json", BARE)
    write(
        folder,
        "bot_config.json",
        {
            "warn_before_minutes": 90,
            "morning": "8:40",
            "ask_at": "08:00",
            "ready_at": "09:00",
            "trading_ends": "16:00",
            "probe_minutes": 5,
            "quiet_hours": "22:00-07:00",
            "extra_trading_days": ["2026-11-08"],
            "extra_holidays": ["2026-11-25"],
            "totp_in_chat": False,
            "store": "tokens",
            "proxy": "http://me:word@127.0.0.1:3128",
            "telegram_api_url": "http://127.0.0.1:8081/",
            "telegram_bot_token": BOT_TOKEN,
        },
    )

    config = loaded(folder)

    assert config.hours == Hours(
        morning=time(8, 40),
        ask_at=time(8),
        ready_at=time(9),
        trading_ends=time(16),
        warn_before=timedelta(minutes=90),
        probe_every=timedelta(minutes=5),
        quiet=(time(22), time(7)),
    )
    assert config.extra_trading_days == {date(2026, 11, 8)}
    assert config.extra_holidays == {date(2026, 11, 25)}
    assert config.totp_in_chat is False
    assert config.store == str(folder / "tokens")
    assert config.telegram_api_url == "http://127.0.0.1:8081"
    assert config.proxy == "http://me:word@127.0.0.1:3128"
    assert "word" not in repr(config)
    assert "word" in {secret.reveal() for secret in config.secrets}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("warn_before_minutes", 0),
        ("warn_before_minutes", True),
        ("warn_before_minutes", "120"),
        ("warn_before_minutes", 1441),
        ("probe_minutes", 2.5),
        ("morning", "8.45"),
        ("morning", "24:00"),
        ("ask_at", 815),
        ("trading_ends", "09:00"),
        ("quiet_hours", "22:00"),
        ("quiet_hours", "22:00-22:00"),
        ("quiet_hours", ["22:00", "07:00"]),
        ("extra_trading_days", "2026-11-08"),
        ("extra_holidays", ["8.11.2026"]),
        ("extra_holidays", [20261108]),
        ("totp_in_chat", 1),
        ("totp_in_chat", "false"),
        ("store", 1),
        ("store", "a\0b"),
        ("store", "\ud800"),
        ("proxy", "proxy:3128"),
        ("proxy", "socks5://127.0.0.1:1"),
        ("telegram_api_url", "http://example.com"),
        ("telegram_api_url", "https://example.com?x=1"),
        ("telegram_bot_token", "110201543"),
        ("telegram_bot_token", 110201543),
    ],
)
def test_a_value_of_the_wrong_form_is_one_fault_that_says_what_was_expected(
    folder: Path, key: str, value: object
) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {key: value})

    assert only_fault(folder).startswith(f"bot_config.json: {key}: expected ")


@pytest.mark.parametrize(
    ("bot", "account", "fault"),
    [
        ({"ask_at": "09:15"}, {}, "bot_config.json: ask_at: expected a time before 09:15, when trading starts"),
        ({"morning": "15:30"}, {}, "bot_config.json: morning: expected a time before 15:30, when trading ends"),
        ({}, {"morning": "20:00"}, "dhan_config.json: morning: expected a time before 15:30, when trading ends"),
        (
            {"morning": "08:55"},
            {},
            "bot_config.json: morning: expected a time before 08:55, when ready_at has the accounts proved",
        ),
        (
            {"ready_at": "08:30"},
            {},
            "bot_config.json: ready_at: expected a time after 08:45, the morning at which accounts log in",
        ),
        (
            {"ready_at": "09:05"},
            {"morning": "09:05"},
            "dhan_config.json: morning: expected a time before 09:05, when ready_at has the account proved",
        ),
    ],
)
def test_times_that_contradict_each_other_are_a_fault_that_names_the_other_one(
    folder: Path, bot: dict[str, object], account: dict[str, object], fault: str
) -> None:
    write(folder, "bot_config.json", bot)
    write(folder, "dhan_config.json", AUTO | account)

    assert only_fault(folder) == fault


def test_the_proof_may_be_early_where_every_account_logs_in_earlier(folder: Path) -> None:
    write(folder, "bot_config.json", {"ready_at": "08:00"})
    write(folder, "dhan_config.json", AUTO | {"morning": "07:30"})

    assert loaded(folder).hours.ready_at == time(8)


@pytest.mark.parametrize(
    ("bot", "account"),
    [
        ({"ready_at": "8.30"}, {"morning": "09:00"}),
        ({"morning": "8.30", "ready_at": "08:30"}, {}),
        ({"ready_at": "08:30"}, {"morning": "8.15"}),
    ],
)
def test_a_time_that_was_already_refused_is_not_held_against_the_others(
    folder: Path, bot: dict[str, object], account: dict[str, object]
) -> None:
    write(folder, "bot_config.json", bot)
    write(folder, "dhan_config.json", AUTO | account)

    assert "expected a time of day (IST)" in only_fault(folder)


def test_the_store_is_not_named_by_what_its_own_key_would_open(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {"store": "sealed:abc"})

    assert only_fault(folder).startswith(
        'bot_config.json: store: expected the place itself, or "${NAME}" or "file:/path" for one that is secret: '
    )


def test_the_store_may_be_named_by_a_variable(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {"store": "${TOKENS}"})

    assert loaded(folder, {"TOKENS": "tokens"}).store == str(folder / "tokens")


@pytest.mark.parametrize("place", [ADDRESS, "file:place", "${PLACE}"])
def test_the_address_of_a_store_is_a_secret_wherever_it_stands(folder: Path, place: str) -> None:
    write(folder, "place", ADDRESS)
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {"store": place})

    config = loaded(folder, {"PLACE": ADDRESS})

    assert config.store == ADDRESS
    assert PASSWORD in [secret.reveal() for secret in config.secrets]
    assert PASSWORD not in repr(config)


def test_the_password_of_a_store_in_the_environment_is_a_secret_too(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)

    config = loaded(folder, {"KUNJI_STORE": ADDRESS})

    assert PASSWORD in [secret.reveal() for secret in config.secrets]


@pytest.mark.parametrize(
    "place",
    [
        f"http://x:{PASSWORD}@host",
        f"redis://:{PASSWORD}@",
        f"redis://:{PASSWORD}@host:port",
        f"redis://:{PASSWORD}@host/0?ca=/x",
        f"rediss://:{PASSWORD}@host?secret={PASSWORD}x",
    ],
)
def test_a_wrong_address_is_told_by_what_one_looks_like_and_never_shown(folder: Path, place: str) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {"store": place})

    fault = only_fault(folder)

    assert fault.startswith("bot_config.json: store: the address of the store is wrong: ")
    assert "redis://user:password@host:6379/0" in fault
    assert PASSWORD not in fault


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("ca=ca.pem", "expected the whole path of a file for ca"),
        ("ca={folder}/nowhere.pem", "expected a file that can be read for ca"),
        ("key={folder}/open.pem", "can be read by others: chmod 600 "),
    ],
)
def test_the_files_an_address_names_can_be_read_and_the_key_by_us_alone(
    folder: Path, option: str, expected: str
) -> None:
    write(folder, "open.pem", "x", mode=0o644)
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {"store": f"rediss://host?{option.format(folder=folder)}"})

    assert only_fault(folder).startswith(f"bot_config.json: store: {expected}")


def test_a_home_nobody_has_is_a_folder_like_any_other_as_programs_read_it(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {"store": "~nobody-here/kept"})

    assert loaded(folder).store == find(folder, environment={}).store


def test_an_accounts_key_in_the_bots_file_is_sent_to_its_place(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, "bot_config.json", {"pin": "012345", "prob_minutes": 5})

    assert faults(folder) == [
        "bot_config.json: pin: belongs into an account's file, such as dhan_config.json",
        "bot_config.json: prob_minutes: unknown key; did you mean probe_minutes?",
    ]


def test_one_bot_token_may_stand_in_every_file(folder: Path) -> None:
    write(folder, "bot_config.json", {"telegram_bot_token": BOT_TOKEN})
    write(folder, "dhan_config.json", AUTO)
    write(folder, "dhan-b_config.json", FLAT | OTHER)

    assert loaded(folder, {"TELEGRAM_BOT_TOKEN": BOT_TOKEN}).bot_token.reveal() == BOT_TOKEN


def test_two_bot_tokens_are_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, "dhan-b_config.json", FLAT | OTHER | {"telegram_bot_token": OTHER_TOKEN})

    assert only_fault(folder) == (
        "dhan_config.json: telegram_bot_token: is another bot's than the one in dhan-b_config.json; there is one bot"
    )


def test_no_bot_token_is_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", BARE)

    assert only_fault(folder).startswith(f"{folder}: telegram_bot_token: is missing; expected in one of the files")


def test_a_fingerprint_changes_with_the_credentials_and_with_nothing_else(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    first = loaded(folder).accounts[0]
    write(
        folder,
        "dhan_config.json",
        AUTO | {"telegram_chat_id": 6, "morning": "08:00", "totp_secret": "jbswy3dp ehpk3pxp jbswy3dp ehpk3pxp"},
    )
    same = loaded(folder).accounts[0]
    write(folder, "dhan_config.json", AUTO | {"pin": "012346"})
    other = loaded(folder).accounts[0]

    assert fingerprint(first, b"k") == fingerprint(same, b"k")
    assert fingerprint(first, b"k") != fingerprint(other, b"k")
    assert fingerprint(first, b"k") != fingerprint(first, b"l")


def test_a_files_fingerprint_changes_with_the_file(folder: Path) -> None:
    write(folder, "bot_config.json", {})
    write(folder, "dhan_config.json", AUTO)
    before = {source.name: file_fingerprint(source, b"k") for source in loaded(folder).files}
    write(folder, "dhan_config.json", AUTO | {"telegram_chat_id": 6})
    after = {source.name: file_fingerprint(source, b"k") for source in loaded(folder).files}

    assert before["bot_config.json"] == after["bot_config.json"]
    assert before["dhan_config.json"] != after["dhan_config.json"]


def test_a_totp_secret_of_another_kind_is_another_secret(folder: Path) -> None:
    address = f"otpauth://totp/Dhan?secret={AUTO['totp_secret']}"
    write(folder, "dhan_config.json", AUTO | {"totp_secret": address})
    usual = loaded(folder).accounts[0]
    write(folder, "dhan_config.json", AUTO | {"totp_secret": f"{address}&algorithm=SHA256"})
    other = loaded(folder).accounts[0]

    assert fingerprint(usual, b"k") != fingerprint(other, b"k")


DOOR = {"public_url": "https://kunji.example.com/", "listen": "127.0.0.1:8730"}


def bot_wide(folder: Path, **keys: object) -> None:
    write(folder, "dhan_config.json", BARE)
    write(folder, "bot_config.json", {"telegram_bot_token": BOT_TOKEN, **keys})


def test_doors_are_read_and_a_socket_lies_in_the_config_folder(folder: Path) -> None:
    bot_wide(folder, **DOOR, private_listen="unix:kunji.sock", trusted_proxies=["127.0.0.1", "172.18.0.0/16"])

    config = loaded(folder)

    assert (config.public_url, config.listen) == ("https://kunji.example.com", Port("127.0.0.1", 8730))
    assert config.private_listen == UnixSocket(folder / "kunji.sock")
    assert [str(network) for network in config.trusted_proxies] == ["127.0.0.1/32", "172.18.0.0/16"]


def test_a_socket_in_a_home_nobody_has_is_a_place_like_any_other(folder: Path) -> None:
    bot_wide(folder, private_listen="unix:~nobody-here/kunji.sock")

    assert loaded(folder).private_listen == UnixSocket(folder / "~nobody-here/kunji.sock")


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ({"listen": "127.0.0.1:8730"}, "public_url", "is missing"),
        ({"public_url": DOOR["public_url"]}, "listen", "is missing"),
        ({"telegram_mode": "webhook"}, "telegram_mode", "expected public_url and listen"),
        ({"telegram_mode": "pigeon"}, "telegram_mode", "one of polling, webhook"),
        ({**DOOR, "private_listen": DOOR["listen"]}, "private_listen", "the same as listen"),
        ({"private_listen": "0.0.0.0:8731"}, "private_listen", "or private_tls beside it"),
        ({"private_listen": "example.com:8731"}, "private_listen", "expected an address and a port"),
        ({"private_listen": "127.0.0.1:70000"}, "private_listen", "expected an address and a port"),
        ({"private_listen": "unix:a\0b"}, "private_listen", "expected an address and a port"),
        ({**DOOR, "public_url": "http://kunji.example.com"}, "public_url", "expected an https:// address"),
        ({"heartbeat_url": "http://beat.example.com/x"}, "heartbeat_url", "expected an https:// address"),
        ({"trusted_proxies": ["everybody"]}, "trusted_proxies", "expected addresses or networks"),
        ({"order_messages": {"placed": "on"}}, "order_messages", "expected how to tell of orders"),
        ({"order_messages": {"filled": "loud"}}, "order_messages", "one of on, silent, off"),
    ],
)
def test_doors_that_make_no_sense_are_refused(folder: Path, keys: dict[str, object], key: str, said: str) -> None:
    bot_wide(folder, **keys)

    fault = only_fault(folder)

    assert f"{key}: " in fault
    assert said in fault


def test_a_door_for_other_machines_needs_tls(folder: Path) -> None:
    bot_wide(folder, private_listen="0.0.0.0:8731", private_tls={"certificate": "chain.pem", "key": "key.pem"})

    assert loaded(folder).private_tls == Tls(folder / "chain.pem", folder / "key.pem")


def test_what_is_said_of_orders_has_defaults_kind_by_kind(folder: Path) -> None:
    bot_wide(folder, order_messages={"cancelled": "off"})

    assert loaded(folder).order_messages == {"filled": "on", "rejected": "on", "cancelled": "off"}


def test_a_heartbeat_address_is_a_secret(folder: Path) -> None:
    bot_wide(folder, heartbeat_url="https://beat.example.com/5f0c?x=1")

    config = loaded(folder)

    assert config.heartbeat_url in config.secrets
    assert "5f0c" not in repr(config)
