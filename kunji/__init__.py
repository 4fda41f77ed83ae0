"""What other programs import: live tokens of the bot's accounts, read from its store on this machine.

    from kunji import Reader

    dhan = Reader("dhan")
    dhan.token()

Standard library and `cryptography` only. Logs in nowhere, opens no connection, writes nothing.
"""

from kunji._errors import Damaged, Error, NoLiveToken, StoreUnreadable
from kunji._reader import Reader

__all__ = ["Damaged", "Error", "NoLiveToken", "Reader", "StoreUnreadable"]
