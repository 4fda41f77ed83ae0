"""An account's file: its name, its broker, its credentials, its way to log in."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from brokers import Secret, broker_class
from tests.unit.config.files import AUTO, BOT_TOKEN, FLAT, OTHER, faults, loaded, only_fault, write

KITE = {
    "client_id": "AB1234",
    "api_key": "kite-key",
    "api_secret": "kite-secret",
    "password": "a long one",
    "telegram_chat_id": 5001,
    "telegram_bot_token": BOT_TOKEN,
}


def without(config: dict[str, object], *keys: str) -> dict[str, object]:
    return {key: value for key, value in config.items() if key not in keys}


def test_the_flat_dhan_form_loads_as_it_is(folder: Path) -> None:
    write(folder, "dhan_config.json", FLAT)

    config = loaded(folder)

    (account,) = config.accounts
    assert (account.name, account.broker, account.login) == ("dhan", "dhan", "assisted")
    assert account.config.client_id == "1000000001"
    assert account.config.api_secret == Secret("e5f6a7b8-c9d0")
    assert config.bot_token.reveal() == FLAT["telegram_bot_token"]
    assert account.audience.viewer_chats == {5001}
    assert account.audience.admin_chats == {5002}


def test_client_pin_and_totp_secret_are_enough_to_log_in_alone(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)

    (account,) = loaded(folder).accounts

    assert account.login == "auto"
    assert account.config.pin.reveal() == "012345"
    assert account.endpoints == broker_class("dhan").endpoints


def test_with_everything_there_it_logs_in_alone_unless_told_otherwise(folder: Path) -> None:
    write(folder, "dhan_config.json", FLAT | AUTO)
    write(folder, "dhan-b_config.json", FLAT | AUTO | OTHER | {"login": "assisted"})

    logins = {account.name: account.login for account in loaded(folder).accounts}

    assert logins == {"dhan": "auto", "dhan-b": "assisted"}


def test_an_id_may_be_a_number(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"client_id": 1000000001})

    (account,) = loaded(folder).accounts

    assert account.config.client_id == "1000000001"


@pytest.mark.parametrize("client", [True, 1.5, ["1"], {"id": 1}])
def test_an_id_is_no_other_kind_of_value(folder: Path, client: object) -> None:
    write(folder, "dhan_config.json", AUTO | {"client_id": client})

    assert only_fault(folder).startswith("dhan_config.json: client_id: expected text")


def test_a_pin_written_as_a_number_is_asked_for_in_quotes(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": 123456})

    fault = only_fault(folder)

    assert fault == "dhan_config.json: pin: expected text: write it in quotes, a number loses its leading zeros"


def test_a_wrong_totp_secret_is_explained_without_showing_it(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"totp_secret": "JBSWY3DPEHPK1PXPJBSWY3DP"})

    fault = only_fault(folder)

    assert fault.startswith("dhan_config.json: totp_secret: ")
    assert "JBSWY" not in fault
    assert "Value error" not in fault


def test_a_totp_secret_may_be_written_in_groups(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"totp_secret": " jbsw y3dp-ehpk 3pxp jbsw y3dp "})

    (account,) = loaded(folder).accounts

    assert account.config.totp_secret.reveal() == "JBSWY3DPEHPK3PXPJBSWY3DP"


def test_blanks_copied_along_with_a_value_are_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"pin": "012345 "})

    assert only_fault(folder) == "dhan_config.json: pin: has blanks before or after it; expected none"


def test_an_account_is_named_by_its_file_and_its_broker_by_the_part_before_the_dash(folder: Path) -> None:
    write(folder, "dhan-wife_config.json", AUTO)

    (account,) = loaded(folder).accounts

    assert (account.name, account.broker) == ("dhan-wife", "dhan")


def test_the_broker_may_be_named_in_the_file(folder: Path) -> None:
    write(folder, "savings_config.json", AUTO | {"broker": "dhan"})

    (account,) = loaded(folder).accounts

    assert (account.name, account.broker) == ("savings", "dhan")


@pytest.mark.parametrize("name", ["Dhan", "all", "dhan wife", "-dhan", "", "dhan_2", "d" * 33, "dhän"])
def test_a_file_that_names_no_account_is_a_fault(folder: Path, name: str) -> None:
    write(folder, f"{name}_config.json", AUTO)

    assert "names no account: " in only_fault(folder)


def test_files_that_are_not_accounts_are_left_alone(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO)
    write(folder, "dhan_config.example.json", "not even JSON")
    write(folder, "bot_config.json", {})

    assert [account.name for account in loaded(folder).accounts] == ["dhan"]


def test_a_folder_without_accounts_says_what_to_put_there(folder: Path) -> None:
    write(folder, "bot_config.json", {"telegram_bot_token": AUTO["telegram_bot_token"]})

    assert "expected at least one account, such as dhan_config.json" in only_fault(folder)


def test_an_unknown_broker_is_answered_with_the_nearest(folder: Path) -> None:
    write(folder, "dahn_config.json", AUTO)

    assert only_fault(folder).startswith("dahn_config.json: broker: expected the name of a broker (")
    assert only_fault(folder).endswith("; did you mean dhan?")


def test_an_unknown_key_is_answered_with_the_nearest(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"totp_secrt": "JBSWY3DPEHPK3PXP"})

    assert only_fault(folder) == "dhan_config.json: totp_secrt: unknown key; did you mean totp_secret?"


def test_a_key_of_the_bot_in_an_accounts_file_is_sent_to_its_place(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"probe_minutes": 5})

    assert only_fault(folder) == "dhan_config.json: probe_minutes: belongs into bot_config.json"


def test_a_missing_id_is_named(folder: Path) -> None:
    write(folder, "dhan_config.json", without(AUTO, "client_id"))

    assert only_fault(folder) == "dhan_config.json: client_id: is missing; docs/brokers.md says where to find it"


def test_credentials_for_no_way_say_what_each_way_needs(folder: Path) -> None:
    write(folder, "dhan_config.json", without(AUTO, "pin"))

    assert only_fault(folder) == (
        "dhan_config.json: login: expected pin and totp_secret for login auto, "
        "or api_key and api_secret for login assisted"
    )


def test_a_way_that_is_asked_for_needs_its_fields(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"login": "assisted"})

    assert faults(folder) == [
        "dhan_config.json: api_key: is missing; login assisted needs api_key and api_secret",
        "dhan_config.json: api_secret: is missing; login assisted needs api_key and api_secret",
    ]


def test_a_way_the_broker_does_not_have_is_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"login": "magic"})

    assert only_fault(folder).startswith("dhan_config.json: login: expected one of the ways to log in at Dhan (auto, ")


def test_the_same_login_in_two_files_is_a_fault(folder: Path) -> None:
    write(folder, "dhan-a_config.json", AUTO)
    write(folder, "dhan-b_config.json", AUTO | {"pin": "999999"})

    assert only_fault(folder) == "dhan-b_config.json: client_id: is the same login as dhan-a_config.json"


@pytest.mark.parametrize("secret", [AUTO["totp_secret"], "jbsw y3dp-ehpk 3pxp jbsw y3dp ehpk 3pxp"])
def test_a_totp_secret_copied_into_a_second_file_is_a_fault_however_it_is_written(folder: Path, secret: str) -> None:
    write(folder, "dhan-a_config.json", AUTO)
    write(folder, "dhan-b_config.json", AUTO | {"client_id": "1000000002", "totp_secret": secret})

    assert only_fault(folder) == (
        "dhan-b_config.json: totp_secret: is the same as in dhan-a_config.json; expected this account's own"
    )


def test_a_password_copied_into_a_second_file_is_a_fault(folder: Path) -> None:
    write(folder, "zerodha-a_config.json", KITE)
    write(folder, "zerodha-b_config.json", KITE | {"client_id": "AB5678"})

    assert only_fault(folder).startswith("zerodha-b_config.json: password: is the same as in zerodha-a_config.json")


def test_a_family_may_have_one_pin_and_one_app_at_a_broker(folder: Path) -> None:
    write(folder, "dhan_config.json", FLAT | AUTO)
    write(folder, "dhan-wife_config.json", FLAT | AUTO | OTHER)

    assert len(loaded(folder).accounts) == 2


def test_an_app_of_one_broker_in_a_file_of_another_is_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", FLAT)
    write(folder, "zerodha_config.json", KITE | {"api_secret": FLAT["api_secret"]})

    assert only_fault(folder).startswith("zerodha_config.json: api_secret: is the same as in dhan_config.json")


def test_an_account_may_have_its_own_morning(folder: Path) -> None:
    write(folder, "bot_config.json", {"morning": "08:30"})
    write(folder, "dhan_config.json", AUTO | {"morning": "07:05"})
    write(folder, "dhan-b_config.json", AUTO | OTHER)

    mornings = {account.name: account.morning for account in loaded(folder).accounts}

    assert mornings == {"dhan": time(7, 5), "dhan-b": time(8, 30)}


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8090", "http://localhost:8090/", "http://[::1]:8090/v2", "https://api-t1.dhan.co/v2"],
)
def test_an_endpoint_may_be_replaced_by_this_machine_or_the_brokers_own(folder: Path, address: str) -> None:
    write(folder, "dhan_config.json", AUTO | {"endpoints": {"api": address}})

    (account,) = loaded(folder).accounts

    assert account.endpoints == {**broker_class("dhan").endpoints, "api": address.rstrip("/")}


@pytest.mark.parametrize(
    "address",
    [
        "https://dhan.co.example.com",
        "https://notdhan.co",
        "http://api.dhan.co",
        "https://api.dhan.co@example.com/",
        "https://user:word@api.dhan.co",
        "https://api.dhan.co?to=example.com",
        "https://example.com#.dhan.co",
        "https://example.com\\.dhan.co",
        "https://example.com\t.dhan.co",
        "ftp://127.0.0.1",
        "http://127.0.0.1.example.com",
        "http://192.168.1.2",
        "http://0.0.0.0:80",
        "https://api.dhan.co:99999",
        "https://@api.dhan.co",
        "https://example.com;.dhan.co",
        "https://example.com%2f.dhan.co",
        "https://example.com/.dhan.co",
        "https://[::1",
        "//api.dhan.co",
        "dhan.co",
    ],
)
def test_an_endpoint_is_never_sent_elsewhere(folder: Path, address: str) -> None:
    write(folder, "dhan_config.json", AUTO | {"endpoints": {"api": address}})

    assert only_fault(folder) == (
        "dhan_config.json: endpoints.api: expected an https:// address under dhan.co, or one of this machine"
    )


def test_an_endpoint_the_broker_does_not_have_is_a_fault(folder: Path) -> None:
    write(folder, "dhan_config.json", AUTO | {"endpoints": {"apo": "http://127.0.0.1:1"}})

    assert only_fault(folder) == "dhan_config.json: endpoints.apo: expected one of auth, api"


def test_every_fault_of_every_file_is_told_at_once(folder: Path) -> None:
    write(folder, "bot_config.json", {"probe_minutes": 0, "totp_in_chat": "yes"})
    write(folder, "dhan-a_config.json", AUTO | {"pin": 1, "client_id": None, "telegram_chat_id": "me"})
    write(folder, "dhan-b_config.json", "{")

    found = faults(folder)

    assert [fault.split(": ")[:2] for fault in found[:-1]] == [
        ["bot_config.json", "probe_minutes"],
        ["bot_config.json", "totp_in_chat"],
        ["dhan-a_config.json", "telegram_chat_id"],
        ["dhan-a_config.json", "client_id"],
        ["dhan-a_config.json", "pin"],
    ]
    assert found[-1].startswith("dhan-b_config.json: expected JSON; line 1")


def test_nothing_secret_prints(folder: Path) -> None:
    write(folder, "dhan_config.json", FLAT | AUTO)
    config = loaded(folder)

    shown = repr(config) + str(config) + repr(config.secrets)

    for secret in ("012345", "e5f6a7b8", "JBSWY3DP", "AAHdqTcv"):
        assert secret not in shown
    revealed = {secret.reveal() for secret in config.secrets}
    assert {"012345", FLAT["api_secret"], FLAT["totp_secret"], FLAT["telegram_bot_token"]} <= revealed


def test_a_hook_and_a_file_for_programs_are_read(folder: Path) -> None:
    write(folder, "dhan_config.json", {**AUTO, "on_refresh": ["systemctl", "restart", "x"], "write_to": "out/dhan.env"})

    [account] = loaded(folder).accounts

    assert account.on_refresh == ("systemctl", "restart", "x")
    assert account.write_to == folder / "out/dhan.env"


@pytest.mark.parametrize("word", ["${PIN}", "sealed:abc", "file:pin"])
def test_a_hook_takes_no_secret_into_its_arguments(folder: Path, word: str) -> None:
    write(folder, "dhan_config.json", {**AUTO, "on_refresh": ["strategy", word]})

    fault = only_fault(folder, {"PIN": "4711"})

    assert "on_refresh: expected the command itself" in fault


@pytest.mark.parametrize("place", [".kunji/dhan.env", "x/../.kunji/dhan.env", "elsewhere/kunji.key"])
def test_a_file_for_programs_never_takes_the_place_of_the_stores(folder: Path, place: str) -> None:
    write(folder, "dhan_config.json", {**AUTO, "write_to": place})

    fault = only_fault(folder, {"KUNJI_KEY_FILE": str(folder / "elsewhere/kunji.key")})

    assert fault.startswith("dhan_config.json: write_to: belongs to the store")


def test_a_file_for_programs_never_lies_among_what_is_here_of_a_store_on_a_server(folder: Path) -> None:
    write(folder, "dhan_config.json", {**AUTO, "write_to": ".kunji/kunji.key"})

    fault = only_fault(folder, {"KUNJI_STORE": "redis://host"})

    assert fault.startswith("dhan_config.json: write_to: belongs to the store")


@pytest.mark.parametrize("place", ["dhan_config.json", "zerodha_config.json", ".env", "bot_config.json"])
def test_a_file_for_programs_never_takes_the_place_of_a_config_file(folder: Path, place: str) -> None:
    write(folder, "dhan_config.json", {**AUTO, "write_to": place})

    fault = only_fault(folder)

    assert fault.startswith("dhan_config.json: write_to: belongs to the config")


def test_two_accounts_are_not_written_to_one_file(folder: Path) -> None:
    write(folder, "dhan_config.json", {**AUTO, "write_to": "out/tokens.env"})
    write(folder, "dhan-b_config.json", {**AUTO, **OTHER, "write_to": str(folder / "out/../out/tokens.env")})

    fault = only_fault(folder)

    assert "write_to: is the same file as in" in fault


@pytest.mark.parametrize("number", ["1000000001", 1000000001, "2", 25072310841])
def test_a_client_id_of_dhans_is_digits_however_many(folder: Path, number: object) -> None:
    write(folder, "dhan_config.json", AUTO | {"client_id": number})

    [account] = loaded(folder).accounts

    assert account.config.client_id == str(number)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [("client_id", "10000O0001", "digits only"), ("totp_secret", "JBSWY3DP", "at least 16 letters and digits")],
)
def test_what_cannot_be_right_is_told_when_the_config_is_read(folder: Path, key: str, value: str, told: str) -> None:
    write(folder, "dhan_config.json", AUTO | {key: value})

    fault = only_fault(folder)

    assert told in fault
    assert value not in fault


def test_a_file_for_programs_is_none_that_the_config_reads(folder: Path) -> None:
    write(folder, "pin", "012345")
    (folder / "link").symlink_to("pin")
    write(folder, "dhan_config.json", AUTO | {"pin": "file:pin", "write_to": "link"})

    assert only_fault(folder).startswith("dhan_config.json: write_to: belongs to the config")


@pytest.mark.parametrize("place", ["chain.pem", "tls/key.pem"])
def test_a_file_for_programs_is_none_of_the_doors_certificate_and_key(folder: Path, place: str) -> None:
    tls = {"certificate": "chain.pem", "key": "tls/key.pem"}
    write(folder, "bot_config.json", {"private_listen": "127.0.0.1:8731", "private_tls": tls})
    write(folder, "dhan_config.json", AUTO | {"write_to": place})

    assert only_fault(folder).startswith("dhan_config.json: write_to: belongs to the config")
