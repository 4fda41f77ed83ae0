"""Everything in one file: config, store and key, sealed with a passphrase; and back again from it.

`take` and `seal` make a backup, `unseal` and `put_back` undo it. A config that is wrong, or a bot that runs, is in the
way of neither making one nor reading one.
"""

from __future__ import annotations

from bot.backup._contents import BackupError, Contents, KeyLay
from bot.backup._files import read, refuse_to_replace, write
from bot.backup._restoring import Restored, put_back
from bot.backup._sealed import MIN_PASSPHRASE, seal, unseal
from bot.backup._taking import take

__all__ = [
    "MIN_PASSPHRASE",
    "BackupError",
    "Contents",
    "KeyLay",
    "Restored",
    "put_back",
    "read",
    "refuse_to_replace",
    "seal",
    "take",
    "unseal",
    "write",
]
