"""What to enter at each broker, so that it sends browsers and postbacks to the public door."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from bot.life import Account
from bot.web import callback, postbacks


def to_enter(accounts: Mapping[str, Account], public_url: str, derive: Callable[[str], bytes]) -> Iterator[str]:
    """A paragraph for each account that has something to enter. Parts of the addresses are secret."""
    for name, account in accounts.items():
        broker = account.broker
        redirect = not account.logs_in_by_itself and broker.redirects
        rows = [
            f"  redirect address  {callback.address(public_url, name, broker, derive)}" if redirect else "",
            f"  postback address  {postbacks.address(public_url, name, derive)}" if broker.posts_back else "",
        ]
        if any(rows):
            yield "\n".join([f"{name}: enter at {broker.registers_at}", *filter(None, rows)])
