"""What a postback says of itself: whose it is, and which order it is about. Anybody may have sent it, so it is no more
than a hint to look that order up.
"""

from __future__ import annotations

import re

from brokers._errors import UnexpectedReply, WrongClient
from brokers._reply import pick

_ORDER_ID = re.compile(r"[\w-]{1,40}", re.ASCII)


def order_in(told: object, *, order: str, client: str, ours: str) -> str:
    """The id under the key `order`, if the client under the key `client` is `ours`.

    Raises WrongClient, UnexpectedReply.
    """
    if pick(told, client, of=str).upper() != ours.upper():
        raise WrongClient("the postback is about another client than the configured one")
    found = pick(told, order, of=str)
    if not _ORDER_ID.fullmatch(found):
        raise UnexpectedReply("the postback names no usable order")
    return found
