"""Where brokers send what becomes of an order. A postback is a hint and no more: what it says is not used or shown.

Most brokers do not sign what they send, so each account's address has a part that nobody can guess.
"""

from __future__ import annotations

import base64
import hmac
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.web.bodies import body_of
from brokers import Broker, KunjiError

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024

Derive = Callable[[str], bytes]
"""What a store derives from its key for a purpose."""


def address(public_url: str, account: str, derive: Derive) -> str:
    """What to enter at the broker as the account's postback address."""
    return f"{public_url}/postback/{account}/{_secret_part(account, derive)}"


def routes(brokers: Mapping[str, Broker[Any]], derive: Derive, hint: Callable[[str, str], None]) -> list[Route]:
    """`brokers`: of each account. `hint` is told account and order; it must return at once."""
    postbacks = _Postbacks({name: one for name, one in brokers.items() if one.posts_back}, derive, hint)
    return [Route("/postback/{account}/{secret}", postbacks.take, methods=["POST"])]


class _Postbacks:
    def __init__(self, brokers: Mapping[str, Broker[Any]], derive: Derive, hint: Callable[[str, str], None]) -> None:
        self._brokers = brokers
        self._secrets = {account: _secret_part(account, derive) for account in brokers}
        self._nobodys = _secret_part("", derive)
        self._hint = hint
        self._refused: Counter[str] = Counter()

    async def take(self, request: Request) -> Response:
        """Answered at once and always the same: whoever sends cannot tell what is made of it. A wrong address looks
        like any other where there is nothing."""
        account = request.path_params["account"]
        if not self._is_addressed(account, request.path_params["secret"]):
            raise HTTPException(404)
        body = await body_of(request, BODY_LIMIT)
        if body is None:
            return Response(status_code=413)
        try:
            self._hint(account, self._brokers[account].postback(body))
        except KunjiError as error:
            self._refuse(account, error)
        return Response()

    def _is_addressed(self, account: str, secret: str) -> bool:
        """Whether the account exists takes no longer to tell than whether the secret is right."""
        expected = self._secrets.get(account, self._nobodys)
        return hmac.compare_digest(secret.encode(), expected.encode()) and account in self._secrets

    def _refuse(self, account: str, error: KunjiError) -> None:
        """Said of the 1st, the 10th, the 100th: they may come by the thousand."""
        self._refused[account] += 1
        count = self._refused[account]
        if str(count).strip("0") == "1":
            log.warning("%s: %d postbacks were not taken so far, the last one because %s", account, count, error)


def _secret_part(account: str, derive: Derive) -> str:
    return base64.urlsafe_b64encode(derive(f"postback {account}")).decode()[:32]
