"""The calls Kite's login page makes, for those who asked for it. Documented nowhere; they may change any day.

One attempt: each step that is refused ends it. Redirects are followed by hand, on Kite's own host alone; the address
registered for the app is never requested, as the request token is in it and nobody need listen there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol
from urllib.parse import urljoin

from brokers._addresses import http_parts
from brokers._errors import BrokerError, LoginRejected, NotEntitled, WrongClient
from brokers._http import Http, Sent
from brokers._reply import Reply, maybe, pick
from brokers._types import Code, Secret
from brokers.zerodha._answers import query_of, registered, request_token_in
from brokers.zerodha._refusals import let_in, no_totp, page_changed

HOPS = 10
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
COOKIE = re.compile(r"[\w!#$%&'*+.^`|~-]{1,64}", re.ASCII)
COOKIE_VALUE = re.compile(r"[!#-+\--:<-\[\]-~]{0,4096}", re.ASCII)
AUTHORIZE = "/connect/authorize"


class Credentials(Protocol):
    """What of the config is needed."""

    @property
    def client_id(self) -> str: ...
    @property
    def api_key(self) -> Secret: ...
    @property
    def password(self) -> Secret | None: ...
    @property
    def redirect_url(self) -> str | None: ...


class WebLogin:
    """One login, with one set of cookies."""

    def __init__(self, http: Http, config: Credentials, web: str) -> None:
        self._http = http
        self._config = config
        self._web = web
        self._cookies: dict[str, Secret] = {}

    def request_token(self, code: Callable[[], Code]) -> Secret:
        """`code` is asked at the last moment, and only if the account takes one."""
        begun = self.api_login()
        told = pick(begun, "user_id", of=str)
        if told.upper() != self._config.client_id:
            raise WrongClient("Zerodha answered for another user than the configured one")
        request_id = pick(begun, "request_id", of=Secret)
        _refuse_without_totp(begun)
        self.api_twofa(request_id, code())
        return self._landed()

    def api_login(self) -> object:
        form = {"user_id": self._config.client_id, "password": self._config.password or ""}
        return let_in(self._kept(self._http.post("web", "/api/login", form=form, headers=self._headers())))

    def api_twofa(self, request_id: Secret, code: Code) -> None:
        form: Sent = {
            "user_id": self._config.client_id,
            "request_id": request_id,
            "twofa_value": code.digits,
            "twofa_type": "totp",
        }
        let_in(self._kept(self._http.post("web", "/api/twofa", form=form, headers=self._headers())))

    def connect(self, path: str, params: Sent) -> Reply:
        return self._kept(self._http.get("web", path, params=params, headers=self._headers()))

    def _landed(self) -> Secret:
        """Along the redirects to the registered address, and not to it."""
        at = f"{self._web}/connect/login"
        reply = self.connect("/connect/login", {"v": "3", "api_key": self._config.api_key})
        for _ in range(HOPS):
            if not 300 <= reply.status < 400:
                raise _stopped(reply, at)
            at = _next(at, reply)
            if registered(at) == registered(self._config.redirect_url or ""):
                return _answer_at(at)
            reply = self.connect(self._own_path(at), _single(query_of(at)))
        raise page_changed()

    def _own_path(self, address: str) -> str:
        """The path of an address on Kite's host; any other is not asked."""
        parts = http_parts(address)
        if parts is None or _host(address) != _host(self._web):
            if "request_token" in query_of(address):
                raise LoginRejected(
                    "the app's registered address is not the configured redirect_url",
                    hint="copy it from developers.kite.trade",
                )
            raise page_changed()
        return parts.path or "/"

    def _kept(self, reply: Reply) -> Reply:
        for name, value in reply.cookies.items():
            if COOKIE.fullmatch(name) and COOKIE_VALUE.fullmatch(value.reveal()):
                self._cookies[name] = value
        return reply

    def _headers(self) -> Sent:
        cookies = "; ".join(f"{name}={value.reveal()}" for name, value in self._cookies.items())
        return {"User-Agent": BROWSER} | ({"Cookie": Secret(cookies)} if cookies else {})


def _refuse_without_totp(begun: object) -> None:
    """An account without external TOTP takes the mobile app's codes, which no secret can make."""
    others = maybe(begun, "twofa_types", of=list) or []
    if maybe(begun, "twofa_type", of=str) != "totp" and "totp" not in others:
        raise no_totp()


def _next(address: str, reply: Reply) -> str:
    """Where a redirect leads; one that leads nowhere is none."""
    target = ""
    with suppress(ValueError):
        target = urljoin(address, reply.location.reveal()) if reply.location else ""
    if registered(target) is None:
        raise page_changed()
    return target


def _single(told: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[0] for name, values in told.items()}


def _host(address: str) -> tuple[object, ...]:
    """Scheme, host and port."""
    return (registered(address) or ())[:3]


def _answer_at(address: str) -> Secret:
    told = query_of(address)
    found = request_token_in(told)
    if found is None or told.get("status", ["success"]) != ["success"]:
        raise LoginRejected("Zerodha's login ended without a request token", hint="try the login page in a browser")
    return found


def _stopped(reply: Reply, address: str) -> BrokerError:
    """Why there is no further redirect."""
    where = registered(address)
    if reply.good and where is not None and where[3] == AUTHORIZE:
        return NotEntitled(
            "this Zerodha user has not allowed the app yet, and only you can",
            hint='log in once with "login": "assisted", or at the app\'s login page in a browser, and allow it there',
        )
    if reply.good:
        return page_changed()
    try:
        let_in(reply)
    except BrokerError as error:
        return error
    return page_changed()
