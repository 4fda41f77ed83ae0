"""Stand-ins for brokers' official clients, with their own signatures, and programs that use them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.unit.kunji.written import held, store

_ROOT = Path(__file__).parents[3]

KITECONNECT = """
import logging
log = logging.getLogger("kiteconnect.connect")

class KiteConnect:
    def __init__(self, api_key, access_token=None, root=None, debug=False, timeout=None, disable_ssl=False):
        self.api_key, self.timeout, self.debug, self.disable_ssl = api_key, timeout, debug, disable_ssl

    def set_access_token(self, access_token):
        self.access_token = access_token

    def profile(self):
        log.warning("Request: {}".format({"Authorization": f"token {self.api_key}:{self.access_token}"}))
"""
DHANHQ = """
import logging

class DhanContext:
    def __init__(self, client_id, access_token, disable_ssl=False, pool=None):
        self.client_id, self.access_token, self.pool = client_id, access_token, pool

class dhanhq:
    def __init__(self, dhan_context):
        self.client_id, self.access_token = dhan_context.client_id, dhan_context.access_token
        self.pool = dhan_context.pool

    def get_fund_limits(self):
        logging.error("Exception in DhanHQConnection.%s: %s", "GET", f"Invalid header {self.access_token!r}")
"""
DHANHQ_BEFORE = """
class dhanhq:
    def __init__(self, client_id, access_token, disable_ssl=False, pool=None):
        self.client_id, self.access_token, self.pool = client_id, access_token, pool
"""
SMARTAPI = """
import os, logzero
from requests import get
from logzero import logger

class SmartConnect:
    try:
        get("https://api.ipify.org")
    except Exception as error:
        logger.error(f"Exception while retriving IP Address: {error}")

    def __init__(self, api_key=None, access_token=None, refresh_token=None, feed_token=None, userId=None, timeout=None):
        self.api_key, self.access_token, self.refresh_token = api_key, access_token, refresh_token
        self.feed_token, self.userId, self.timeout = feed_token, userId, timeout
        logger.info("in pool")
        os.makedirs("logs", exist_ok=True)
        logzero.logfile("logs/app.log")

    def rmsLimit(self):
        logger.error(f"Headers: {{'X-PrivateKey': '{self.api_key}', 'Authorization': 'Bearer {self.access_token}'}}")
"""
LOGZERO = """
import logging, sys
logger = logging.getLogger("logzero_default")
logger.propagate = False
logger.addHandler(logging.StreamHandler())
_file = []

def logfile(name):
    while _file:
        logger.removeHandler(_file.pop())
    if name:
        _file.append(logging.FileHandler(name))
        logger.addHandler(_file[0])
"""
REQUESTS = """
def get(url):
    print("asked", url)
"""
NEO_API_CLIENT = """
import os

class Configuration:
    edit_token = edit_sid = base_url = data_center = ucc = None

class NeoAPI:
    def __init__(self, consumer_key=None, environment="uat", access_token=None, neo_fin_key=None, timeout=None):
        self.configuration = Configuration()
        self.configuration.consumer_key, self.configuration.host = consumer_key, environment
        self.log_file = os.getenv("NEO_LOG_FILE_ENABLED", "true")
"""
SMARTAPI_FILES = {"SmartApi": SMARTAPI, "logzero": LOGZERO, "requests": REQUESTS}


@dataclass
class Ended:
    code: int
    out: str
    err: str


def run(folder: Path, modules: Mapping[str, str], script: str) -> Ended:
    """A program in which these modules, and no others of these names, are installed."""
    installed = folder / "installed"
    installed.mkdir()
    for name in ("kiteconnect", "dhanhq", "SmartApi", "neo_api_client"):
        text = modules.get(name, f"raise ModuleNotFoundError('no', name='{name}')")
        (installed / f"{name}.py").write_text(text)
    for name in modules.keys() & {"logzero", "requests"}:
        (installed / f"{name}.py").write_text(modules[name])
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KUNJI_", "NEO_"))}
    done = subprocess.run(
        [sys.executable, "-c", f"from kunji import connect\n{script}"],
        cwd=folder,
        env=clean | {"PYTHONPATH": f"{installed}:{_ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def save_accounts(folder: Path) -> None:
    """One at each broker, one saved by an earlier version, and one at a broker without a client."""
    bot = store(folder)
    until = datetime.now(UTC) + timedelta(days=1)
    bot.save("zerodha", held("kite-token", expires_at=until, broker="zerodha", KITE_API_KEY="kite-api-key"))
    bot.save("dhan", held("dhan-token", expires_at=until, DHAN_ACCESS_TOKEN="dhan-token"))
    bot.save(
        "angelone",
        held(
            "angel-token",
            expires_at=until,
            broker="angelone",
            extra={"refresh_token": "angel-refresh", "feed_token": "angel-feed"},
            ANGELONE_API_KEY="angel-api-key",
        ),
    )
    bot.save(
        "kotak",
        held(
            "kotak-token",
            expires_at=until,
            broker="kotak",
            extra={"sid": "kotak-sid", "base_url": "https://e21.kotaksecurities.com", "data_center": "E21"},
            NEO_CONSUMER_KEY="kotak-consumer-key",
        ),
    )
    bot.save("before", held("old-token", expires_at=until, broker=""))
    bot.save("other", held("other-token", expires_at=until, broker="upstox"))
