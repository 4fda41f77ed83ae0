"""What other programs import: live tokens of the bot's accounts, read from its store on this machine.

    from kunji import Reader

    dhan = Reader("dhan")
    dhan.token()

Standard library and `cryptography` only. Logs in nowhere, opens no connection, writes nothing.
"""

from kunji._clients import connect
from kunji._errors import ClientMissing, Damaged, Error, NoLiveToken, StoreUnreadable, UnknownAccount
from kunji._held import LiveToken
from kunji._reader import Reader

__all__ = [
    "ClientMissing",
    "Damaged",
    "Error",
    "LiveToken",
    "NoLiveToken",
    "Reader",
    "StoreUnreadable",
    "UnknownAccount",
    "connect",
]
