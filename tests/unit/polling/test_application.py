from __future__ import annotations

import copy
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Update
from telegram.error import RetryAfter, TelegramError
from telegram.ext import Application

from bot.polling import build
from bot.polling._application import Request, UpdatesRequest, parsable
from brokers import Secret
from tests.unit.polling.live import application
from tests.unit.polling.stand_in import TOKEN, StandIn, message, status

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
UPDATES = st.dictionaries(st.sampled_from(["update_id", "message", "callback_query"]), JSON | st.integers(), max_size=3)


class Mine(Application[Any, Any, Any, Any, Any, Any]):
    def __init__(self, motto: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.motto = motto


async def test_the_application_is_of_the_class_asked_for_and_speaks_to_telegram() -> None:
    app = build(Mine, {"motto": "be quick"}, Secret(TOKEN))

    assert app.motto == "be quick"
    assert app.bot.base_url.startswith("https://api.telegram.org/bot")


async def test_replies_are_html_without_previews() -> None:
    async with StandIn() as api:
        app = application(api)
        await app.initialize()
        await app.bot.send_message(7, "<b>x</b>")
        await app.shutdown()

    sent = next(fields for method, fields in api.calls if method == "sendMessage")
    assert sent["parse_mode"] == "HTML"
    assert json.loads(sent["link_preview_options"]) == {"is_disabled": True}


async def test_no_request_searches_the_disk_for_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[str] = []

    class Watching:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            searched.append(name)

    async with StandIn() as api:
        app = application(api)
        await app.initialize()
        monkeypatch.setattr(sys, "meta_path", [Watching, *sys.meta_path])
        await app.bot.send_message(7, "x")
        await app.bot.get_me()
        await app.shutdown()

    assert searched == []


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with StandIn() as api:
        app = application(api)
        await app.initialize()
        await app.shutdown()

    assert api.count("getMe") == 1


async def test_a_configured_proxy_is_used() -> None:
    async with StandIn() as proxy:
        app = build(Application, {}, Secret(TOKEN), api_url="http://127.0.0.1:9", proxy=proxy.url)
        await app.initialize()
        await app.shutdown()

    assert proxy.count("getMe") == 1


async def test_a_flood_limit_is_waited_out_by_the_sender() -> None:
    async with StandIn() as api:
        app = application(api)
        await app.initialize()
        api.fail("sendMessage", status(429, "Too Many Requests", retry_after=1))
        await app.bot.send_message(7, "x")
        await app.shutdown()

    assert api.count("sendMessage") == 2


@given(st.lists(JSON | UPDATES, max_size=6))
def test_what_is_let_through_can_be_parsed_and_nothing_with_an_id_is_lost(updates: list[Any]) -> None:
    before = copy.deepcopy(updates)
    try:
        kept = parsable(updates)
    except TelegramError:
        kept = []

    assert updates == before
    assert all(Update.de_json(update, None).update_id == update["update_id"] for update in kept)
    numbers = [u["update_id"] for u in before if isinstance(u, dict) and type(u.get("update_id")) is int]
    assert [update["update_id"] for update in kept] == numbers


def test_a_good_update_is_let_through_unchanged() -> None:
    assert parsable([message(5)]) == [message(5)]


@pytest.mark.parametrize("request_class", [Request, UpdatesRequest])
@pytest.mark.parametrize("payload", [b"", b"<html>", b"[]", b"7", b"\xff\xfe", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_an_error_that_does_not_show_it(
    request_class: type[Request], payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TelegramError) as raised:
        request_class.parse_json_payload(payload)

    assert "html" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert not caplog.records


def test_the_flood_error_of_the_library_does_not_warn_once_an_application_is_built() -> None:
    build(Application, {}, Secret(TOKEN))

    assert RetryAfter(3).retry_after == 3
