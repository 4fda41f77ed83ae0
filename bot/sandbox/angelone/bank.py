"""The clients, their sessions, and the rules that all calls go by."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.sandbox.angelone.clients import Client, Session
from bot.sandbox.bank import BaseBank, BaseRules


@dataclass(slots=True, kw_only=True)
class Rules(BaseRules):
    order: tuple[str, ...] = ("blocked", "pin", "totp")
    """In which order a login is checked."""
    headers_checked: bool = True
    """A request without the `X-` headers is refused with 400."""
    expired_code: str = "AG8001"
    """What a token gets after midnight; AG8002 is documented, too."""
    new_login_invalidates_old: bool = False
    logout_really_kills: bool = True
    refresh_needs_bearer: bool = True
    refresh_replaces: bool = True
    """A refresh token works once."""
    address_checked_on_reads: bool = False
    """As seen right after a change of the static address; else on orders alone."""
    empty_is_null: bool = True
    """A list without entries is null; else it is an empty list."""
    prices_as_text: bool = False
    """In the order book."""


@dataclass(slots=True)
class Bank(BaseBank[Client, Rules]):
    access: dict[str, tuple[Client, Session]] = field(default_factory=dict)
    """Every access token ever given out."""
    refresh: dict[str, tuple[Client, Session]] = field(default_factory=dict)

    def open_session(self, client: Client) -> Session:
        if self.rules.new_login_invalidates_old:
            self.end_sessions(client)
        session = Session.made(client.client_code, self.unix())
        client.sessions.append(session)
        self.access[session.access] = (client, session)
        self.refresh[session.refresh] = (client, session)
        return session

    def end_sessions(self, client: Client) -> None:
        for session in client.sessions:
            session.live = session.refreshable = False

    def newest(self, client: Client) -> Session | None:
        """The latest session that lives."""
        now = self.unix()
        return next((one for one in reversed(client.sessions) if one.live and now < one.ends_at), None)

    def knows_key(self, key: str) -> bool:
        return any(client.api_key == key for client in self.clients.values())
