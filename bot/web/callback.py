"""Where brokers send the browser after a login. What it brings is exchanged once, however often the page is opened, and
how that ended is told in the page and in the chat.

Whose login it is, the state says that the link carried; where a broker carries none, a part of the path that nobody can
guess. It does not come through Telegram, so it is taken even while somebody else reads the bot's messages.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bot.consents import CameTooLate, NotAwaited
from bot.face import Face
from bot.store import OpenConsent, StoreError
from bot.web.pages import LOCKED, NOT_AHEAD, NOTHING_HERE, ONLY_GET, Page, under_way
from brokers import Broker, ConsentRejected, KunjiError, LoginRejected, Secret, WrongClient
from handlers import text
from handlers.context import later
from handlers.errors import record
from handlers.tokens import OpenQuestion, Refreshed

PAGE_WITHIN = 45.0
"""Seconds until a page says that it is still under way: proxies give up after 60."""
FINAL = (Refreshed, ConsentRejected, LoginRejected, WrongClient, NotAwaited)
"""After these the same address is not tried again."""

Derive = Callable[[str], bytes]
"""What a store derives from its key for a purpose."""


class Tell(Protocol):
    """Tells the chat in which a login was asked for, if it was asked for in one, how it ended."""

    def __call__(self, asked: OpenQuestion, said: str, /, *, done: bool) -> Coroutine[Any, Any, None]: ...


def address(public_url: str, account: str, broker: Broker[Any], derive: Derive) -> str:
    """What to enter at the broker as the account's redirect address."""
    return f"{public_url}/callback/{_place(account, broker, derive)}"


@dataclass(frozen=True, slots=True)
class _Login:
    """An exchange, under way or ended."""

    address: Secret
    task: asyncio.Task[Refreshed | KunjiError]

    @property
    def stands(self) -> bool:
        """Its address is not exchanged once more."""
        return not self.task.done() or isinstance(self.task.result(), FINAL)


class Callback:
    """All methods run in the loop."""

    def __init__(self, face: Face, public_url: str, tell: Tell, *, page_within: float = PAGE_WITHIN) -> None:
        self._face = face
        self._page_within = page_within
        self._public_url = public_url
        self._tell = tell
        brokers = {name: one.broker for name, one in face.tokens.accounts.items() if one.broker.redirects}
        self._places = {name: _place(name, broker, face.store.derive) for name, broker in brokers.items()}
        self._nobodys = _secret_part("", face.store.derive)
        self._logins: dict[str, _Login] = {}
        """The last one of each account."""
        self._late: dict[str, Secret] = {}
        """The last address of each account that came too late."""

    @property
    def routes(self) -> list[Route]:
        return [Route("/callback/{place:path}", self)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = await self._page(Request(scope))
        await page.response(self._public_url)(scope, receive, send)

    async def _page(self, request: Request) -> Page:
        if request.method != "GET":
            return ONLY_GET
        if _is_ahead_of_time(request):
            return NOT_AHEAD
        place = request.path_params["place"].removesuffix("/")
        account = self._account_at(place)
        if account is None:
            return NOTHING_HERE
        query = request.scope["query_string"].decode("latin-1")
        return await self._come_back(account, Secret(f"{self._public_url}/callback/{place}?{query}"))

    def _account_at(self, place: str) -> str | None:
        """Whether there is such an account takes no longer to tell than whether its secret is right."""
        account = place.partition("/")[0]
        expected = self._places.get(account, self._nobodys)
        found = hmac.compare_digest(place.encode(errors="replace"), expected.encode())
        return account if found and account in self._places else None

    async def _come_back(self, account: str, came: Secret) -> Page:
        login = self._login_by(account, came)
        if login is None:
            try:
                awaited = await asyncio.to_thread(self._awaited, account, came)
            except CameTooLate as error:
                return self._too_late(account, came, error)
            # The same address may have come once more meanwhile, and its login even have ended.
            login = self._login_by(account, came)
        if login is None:
            if isinstance(awaited, Page):
                return awaited
            other = self._logins.get(account)
            if other is not None and not other.task.done():
                return under_way(account)
            login = self._begin(account, came, awaited)
        ended_before = login.task.done()
        await asyncio.wait([login.task], timeout=self._page_within)
        return self._told(account, login.task.result(), again=ended_before) if login.task.done() else under_way(account)

    def _login_by(self, account: str, came: Secret) -> _Login | None:
        """The one that this address has begun already."""
        login = self._logins.get(account)
        return login if login is not None and login.address == came and login.stands else None

    def _awaited(self, account: str, came: Secret) -> OpenConsent | Page:
        """The login this is for, or what to say instead. A stranger learns nothing, a fault of the store included.
        Raises CameTooLate."""
        tokens = self._face.tokens
        try:
            consent = tokens.awaits(account, came)
            if self._face.store.bot_note().locked:
                return LOCKED
            tokens.accounts[account].broker.answer_in(came)
        except (NotAwaited, StoreError):
            return NOTHING_HERE
        except CameTooLate:
            raise
        except KunjiError as error:
            return _failed(account, error)
        return consent

    def _too_late(self, account: str, came: Secret, error: CameTooLate) -> Page:
        """Told in the chat as well, once however often the page is opened."""
        if self._late.get(account) != came:
            self._late[account] = came
            self._tell_chat(account, error.asked, error)
        return _failed(account, error)

    def _begin(self, account: str, came: Secret, consent: OpenConsent) -> _Login:
        login = _Login(came, asyncio.create_task(self._exchange(account, came, consent)))
        self._logins[account] = login
        return login

    async def _exchange(self, account: str, came: Secret, consent: OpenConsent) -> Refreshed | KunjiError:
        """To its end, also if the browser does not wait for it."""
        outcome: Refreshed | KunjiError
        try:
            outcome = await self._face.answer(account, came, who="admin", redirected=True)
        except KunjiError as error:
            outcome = error
        except Exception as error:
            record(error)
            outcome = KunjiError("something went wrong inside the bot; the log has it")
        if not isinstance(outcome, NotAwaited):
            self._tell_chat(account, consent, outcome)
        return outcome

    def _tell_chat(self, account: str, consent: OpenConsent, outcome: Refreshed | KunjiError) -> None:
        asked = OpenQuestion(account, consent.expects, consent.message, consent.chat)
        later(self._tell(asked, self._told(account, outcome).says, done=isinstance(outcome, Refreshed)))

    def _told(self, account: str, outcome: Refreshed | KunjiError, *, again: bool = False) -> Page:
        if isinstance(outcome, Refreshed):
            now = self._face.tokens.clock.now()
            if now >= outcome.expires_at:  # a browser that shows yesterday's pages once more
                return NOTHING_HERE
            return Page(200, text.refreshed(replace(outcome, already=again), now))
        return NOTHING_HERE if isinstance(outcome, NotAwaited) else _failed(account, outcome)


def _failed(account: str, error: KunjiError) -> Page:
    """What to do now may need the page."""
    return Page(409, text.failure(error, account), "")


def _is_ahead_of_time(request: Request) -> bool:
    """A browser looks what is there before anybody taps; it must not use anything up."""
    return any("prefetch" in request.headers.get(name, "").lower() for name in ("sec-purpose", "purpose", "x-moz"))


def _place(account: str, broker: Broker[Any], derive: Derive) -> str:
    return account if broker.carries_state else f"{account}/{_secret_part(account, derive)}"


def _secret_part(account: str, derive: Derive) -> str:
    return base64.urlsafe_b64encode(derive(f"callback {account}")).decode()[:32]
