"""The application and its two connections to Telegram: one that sends, one that fetches. Makes no request itself."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import sys
import warnings
from collections.abc import Callable, Coroutine, Mapping
from importlib.util import find_spec
from typing import Any, TypeVar, cast

import httpx
from telegram import LinkPreviewOptions, Update
from telegram.constants import ParseMode
from telegram.error import RetryAfter, TelegramError
from telegram.ext import Application, ApplicationBuilder, BaseRateLimiter, Defaults
from telegram.request import HTTPXRequest, RequestData
from telegram.warnings import PTBDeprecationWarning

from bot.polling._line import AlwaysOurs, Turn
from bot.polling._order import PerUserOrder, answered
from bot.polling._trouble import seconds
from brokers import Secret

log = logging.getLogger(__name__)

CONNECTIONS = 16
FLOODS = 3
LONGEST_FLOOD = 60.0
"""A 429 is waited out so often and so long; beyond that whoever sends has to know."""
ANSWERS = frozenset({"sendMessage", "editMessageText", "sendChatAction"})
"""What shows a user that the bot is at work on the command."""

AppT = TypeVar("AppT", bound="Application[Any, Any, Any, Any, Any, Any]")


def build(
    application_class: type[AppT],
    kwargs: Mapping[str, object],
    token: Secret,
    *,
    api_url: str | None = None,
    proxy: str | None = None,
    turn: Turn | None = None,
) -> AppT:
    """The application, not yet started. `kwargs` go to the constructor of its class. `turn` is asked before each update
    is worked on."""
    # The library warns of the coming type of RetryAfter.retry_after each time it makes one itself.
    warnings.filterwarnings("ignore", ".*`retry_after` will be of type", PTBDeprecationWarning)
    _know_what_is_missing()
    tls = httpx.create_ssl_context(trust_env=False)
    builder = (
        ApplicationBuilder()
        .application_class(application_class, dict(kwargs))
        .token(token.reveal())
        .request(_request(Request, CONNECTIONS, tls, proxy))
        .get_updates_request(_request(UpdatesRequest, 2, tls, proxy))
        .concurrent_updates(PerUserOrder(may_begin=(turn or AlwaysOurs()).comes))
        .rate_limiter(Patience())
        .defaults(Defaults(parse_mode=ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True)))
        .job_queue(None)
        .updater(None)
    )
    if api_url:
        builder = builder.base_url(f"{api_url}/bot").base_file_url(f"{api_url}/file/bot")
    return cast("AppT", builder.build())


class Patience(BaseRateLimiter[None]):
    """Waits out a 429, holding up only the call that was refused and not every chat for as long as one group's."""

    async def initialize(self) -> None:
        """Nothing to do."""

    async def shutdown(self) -> None:
        """Nothing to do."""

    async def process_request(
        self,
        callback: Callable[..., Coroutine[Any, Any, bool | dict[str, Any] | list[dict[str, Any]]]],
        args: Any,
        kwargs: dict[str, Any],
        endpoint: str,
        data: dict[str, Any],  # noqa: ARG002
        rate_limit_args: None,  # noqa: ARG002
    ) -> bool | dict[str, Any] | list[dict[str, Any]]:
        for _ in range(FLOODS):
            try:
                return await callback(*args, **kwargs)
            except RetryAfter as flood:
                if seconds(flood) > LONGEST_FLOOD:
                    raise
                log.warning("Telegram asks to wait %.0f s before %s", seconds(flood), endpoint)
                await asyncio.sleep(seconds(flood) + 0.1)
        return await callback(*args, **kwargs)


class Request(HTTPXRequest):
    """The library's own, except that an answer which is not JSON does not end up in the log, and that the next command
    of a user may begin once the one before has been answered."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *args: Any, **kwargs: Any
    ) -> tuple[int, bytes]:
        reply = await super().do_request(url, method, request_data, *args, **kwargs)
        if reply[0] == 200 and url.rpartition("/")[2] in ANSWERS:
            answered()
        return reply

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        try:
            body = json.loads(payload.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise TelegramError("the answer is not JSON") from None
        if not isinstance(body, dict):
            raise TelegramError("the answer is not an object")
        return body


class UpdatesRequest(Request):
    """Fetches updates. One the library cannot parse is replaced by its bare id, so that it is confirmed like the
    others instead of being fetched again for ever with everything behind it."""

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        body = Request.parse_json_payload(payload)
        if isinstance(body.get("result"), list):
            body["result"] = parsable(body["result"])
        return body


def parsable(updates: list[Any]) -> list[dict[str, Any]]:
    """The updates, those that cannot be parsed reduced to their ids. Raises TelegramError if none even has an id, as
    nothing could be confirmed then."""
    kept = [update for element in updates if (update := _parsable(element)) is not None]
    if updates and not kept:
        raise TelegramError("no update in the answer has an id")
    return kept


def _parsable(element: Any) -> dict[str, Any] | None:
    number = element.get("update_id") if isinstance(element, dict) else None
    if type(number) is not int:
        log.warning("an update without an id was dropped")
        return None
    try:
        Update.de_json(element, None)
    except Exception as error:
        log.warning("update %d cannot be parsed and was skipped (%s)", number, type(error).__name__)
        return {"update_id": number}
    return cast("dict[str, Any]", element)


def outgoing(proxy: str | None) -> Request:
    """What a single question to Telegram is sent by, as the bot itself would send it."""
    return _request(Request, 2, httpx.create_ssl_context(trust_env=False), proxy)


def _know_what_is_missing() -> None:
    """The HTTP client tries four times a request to import a package that need not be there, and each time Python looks
    through every folder it knows: a tenth of an answer's time. None is how it is told that there is no such module."""
    if find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]


def _request(kind: type[Request], connections: int, tls: ssl.SSLContext, proxy: str | None) -> Request:
    # The transport is made here because the library forgets the limits when it is given socket options. Connections
    # stay open for minutes, so that an answer after a silence pays for no TLS handshake.
    transport = httpx.AsyncHTTPTransport(
        verify=tls,
        trust_env=False,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=8, keepalive_expiry=300),
        proxy=proxy,
        socket_options=_keep_alive(),
    )
    return kind(
        connect_timeout=5,
        read_timeout=10,
        write_timeout=10,
        pool_timeout=30,
        httpx_kwargs={"transport": transport, "trust_env": False},
    )


def _keep_alive() -> list[tuple[int, int, int]]:
    """A connection whose other end has vanished (a restarted router, a sleep) is found dead in a minute."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options
