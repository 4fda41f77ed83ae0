"""What of a Zerodha config is found wrong before a login is."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from brokers import own_address
from brokers.zerodha import Config, Zerodha

PLAIN = {"client_id": "ab1234", "api_key": "key", "api_secret": "hidden-secret"}


def read(**more: object) -> Config:
    return TypeAdapter(Config).validate_python(PLAIN | more)


def test_the_config_is_read_from_plain_text_and_the_user_id_becomes_zerodhas() -> None:
    config = read(password="hidden-password", totp_secret="jbsw y3dp ehpk 3pxp")

    assert config.client_id == "AB1234"
    assert config.password
    assert "hidden" not in repr(config)


@pytest.mark.parametrize("address", ["http://127.0.0.1:8723/kite", "https://me.example", "https://me.example/?a=b"])
def test_a_registered_address_may_be_any_on_the_web(address: str) -> None:
    assert read(redirect_url=address).redirect_url == address


@pytest.mark.parametrize(
    "address", ["", "kite", "127.0.0.1:8723/kite", "ftp://a/b", "http://a@b/", "http://a b/", "http://a:x/"]
)
def test_what_is_no_address_is_found_before_a_login_ends_nowhere(address: str) -> None:
    with pytest.raises(ValidationError, match="registered for the app"):
        read(redirect_url=address)


def test_an_endpoint_may_be_replaced_under_its_own_domain_only() -> None:
    web, api = Zerodha.domains.get("web", Zerodha.domain), Zerodha.domains["api"]

    assert own_address("https://kite.zerodha.com", web)
    assert own_address("https://api.kite.trade", api)
    with pytest.raises(ValueError, match="under kite"):
        own_address("https://kite.zerodha.com", api)


def test_the_web_login_is_only_taken_if_asked_for() -> None:
    assert next(iter(Zerodha.ways)) == "assisted"
    assert "auto" not in Zerodha.ways
    assert "against its stated position" in Zerodha.positions_on_ways["unofficial"]
