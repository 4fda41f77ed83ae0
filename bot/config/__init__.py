"""Files and environment into typed settings and accounts.

Reads everything at start and never again. Every fault is reported at once, in words that name the file, the key and
what was expected, and never the value. Makes no request, opens no store and changes nothing.
"""

from __future__ import annotations

from bot.config._accounts import LEFT_TO_ITSELF, AccountConfig, name_fault
from bot.config._faults import ConfigErrors, Fault
from bot.config._fingerprints import file_fingerprint, fingerprint
from bot.config._load import BOT_FILE, Config, load

__all__ = [
    "BOT_FILE",
    "LEFT_TO_ITSELF",
    "AccountConfig",
    "Config",
    "ConfigErrors",
    "Fault",
    "file_fingerprint",
    "fingerprint",
    "load",
    "name_fault",
]
