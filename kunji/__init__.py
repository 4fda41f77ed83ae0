"""What other programs import: live tokens of the bot's accounts, read from its store.

    from kunji import Reader

    dhan = Reader("dhan")
    dhan.token()

Standard library and `cryptography` only, and `redis` where the store is on a server. Logs in nowhere, opens no
connection but to that server, writes nothing.
"""

from kunji._clients import connect
from kunji._errors import ClientMissing, Damaged, Error, NoLiveToken, StoreAway, StoreUnreadable, UnknownAccount
from kunji._held import LiveToken
from kunji._reader import Reader

__all__ = [
    "ClientMissing",
    "Damaged",
    "Error",
    "LiveToken",
    "NoLiveToken",
    "Reader",
    "StoreAway",
    "StoreUnreadable",
    "UnknownAccount",
    "connect",
]
