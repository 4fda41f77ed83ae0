"""The users, apps and rules both doors go by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from bot.sandbox.bank import BaseBank, BaseRules
from bot.sandbox.india import next_after_midnight
from bot.sandbox.zerodha.clients import App, Client, Connect, RequestToken, Token, WebSession, made
from bot.sandbox.zerodha.replies import SAMPLES


@dataclass(slots=True, kw_only=True)
class Rules(BaseRules):
    password_resets_count: bool = False
    """A right password alone makes earlier wrong ones forgotten; else the second factor must pass."""
    twofa_type_may_be_missing: bool = True
    relative_locations: bool = False
    request_token_first: bool = False
    """In the address a login lands on."""
    request_token_seconds: float = 300.0
    bad_request_token_status: int = 403
    bad_checksum_uses_up: bool = False
    new_session_keeps_old: bool = False
    web_login_kills_tokens: bool = False
    sweep_minutes: int = 360
    """When tokens die, in minutes after midnight in India: six, or 450 for half past seven."""


@dataclass(slots=True)
class Bank(BaseBank[Client, Rules]):
    web_address: Callable[[], str] = field(kw_only=True)
    apps: dict[str, App] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    """`request_id` of a right password, and whose it was."""
    sessions: dict[str, WebSession] = field(default_factory=dict)
    """By `enctoken`."""
    connects: dict[str, Connect] = field(default_factory=dict)
    request_tokens: dict[str, RequestToken] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    """Those nobody has ended."""

    # Passwords and codes

    def password_refused(self, client: Client | None, password: str) -> str | None:
        """The sample that refuses it, if it is refused."""
        if client is None:
            return "web_login_error_bad_password"
        if client.blocked:
            return "web_login_error_blocked_inferred"
        if client.password != password:
            client.wrong_passwords += 1
            return self.refuse(client, client.wrong_passwords, "web_login_error_bad_password")
        if self.rules.password_resets_count:
            client.wrong_passwords = 0
        return None

    def code_refused(self, client: Client, code: str) -> str | None:
        if client.blocked:
            return "web_login_error_blocked_inferred"
        if not self.take_code(client, code):
            client.wrong_codes += 1
            return self.refuse(client, client.wrong_codes, "web_twofa_error_invalid_totp")
        client.wrong_passwords = client.wrong_codes = 0
        return None

    # What is given out

    def web_session(self, client: Client) -> WebSession:
        session = WebSession(client.client_id, made(), f"{made(80)}==", made())
        self.sessions[session.enctoken] = session
        if self.rules.web_login_kills_tokens:
            self.end_tokens(client.client_id)
        return session

    def land(self, client: Client, connect: Connect) -> str:
        """The address a login for that app lands on, with a new request token in it."""
        made_now = RequestToken(made(), client.client_id, connect.api_key, self.unix())
        self.request_tokens[made_now.value] = made_now
        told = {"action": "login", "type": "login", "status": "success", "request_token": made_now.value}
        if self.rules.request_token_first:
            told = dict(reversed(told.items()))
        address = self.apps[connect.api_key].redirect_url
        return f"{address}{'&' if '?' in address else '?'}{urlencode(told | connect.params)}"

    def mint(self, client: Client, api_key: str) -> Token:
        """A new token; the older one of the same user and app dies, unless the rules say otherwise."""
        if not self.rules.new_session_keeps_old:
            self.end_tokens(client.client_id, api_key)
        token = Token(made(), made(), client.client_id, api_key, self.unix())
        self.tokens[token.value] = token
        client.granted += 1
        return token

    def end_tokens(self, user_id: str, api_key: str | None = None) -> None:
        ended = [t.value for t in self.tokens.values() if t.user_id == user_id and api_key in (None, t.api_key)]
        for value in ended:
            del self.tokens[value]

    def live(self, value: str, api_key: str) -> Token | None:
        token = self.tokens.get(value)
        if token is None or token.api_key != api_key:
            return None
        return token if self.unix() < next_after_midnight(token.made_at, self.rules.sweep_minutes) else None


def sample(name: str) -> Response:
    status, body = SAMPLES[name]
    return JSONResponse(body, status)
