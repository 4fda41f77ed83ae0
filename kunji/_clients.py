"""Brokers' official Python clients, handed out with the live token set. The one place of this package that knows
brokers by name.

None of them is installed with kunji. Making one asks nobody anything; what each does besides is in `docs/handoff.md`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

from kunji._errors import ClientMissing, Error
from kunji._held import LiveToken
from kunji._reader import Reader


def connect(
    account: str,
    store: str | os.PathLike[str] | None = None,
    *,
    config: str | os.PathLike[str] | None = None,
    min_left: float = 0,
    **more: Any,
) -> Any:
    """The official client of the account's broker, with the token of now: a `KiteConnect`, `dhanhq`, `SmartConnect` or
    `NeoAPI`.

    `store`, `config` and `min_left` are those of `Reader`; `more` goes to the client's own constructor (for Dhan, to
    its `DhanContext`). The client keeps its token: when there is a newer one, connect again. Raises as `Reader.token`,
    ClientMissing if the client is not installed, Error if there is none for this broker.
    """
    live = Reader(account, store, config=config, min_left=min_left).live()
    if live.broker is None:
        raise Error(
            f"it is not known whose token {account} has: an earlier version saved it; once: kunji refresh {account}"
        )
    client = _CLIENTS.get(live.broker)
    if client is None:
        raise Error(f"no official client of {live.broker} is known to this version; take kunji.Reader")
    try:
        return _made(client, live, more)
    except ImportError as error:
        missing = f" ({error.name} is missing)" if error.name else ""
        raise ClientMissing(
            f"the official client of {live.broker} is not installed here{missing}: pip install {client.packages}"
        ) from error


class _Client(NamedTuple):
    packages: str
    """What pip is to install: SmartApi does not say all it needs."""
    make: Callable[[LiveToken, Mapping[str, Any]], object]
    loggers: tuple[str, ...] = ()
    """Where it would show secrets."""


def _made(client: _Client, live: LiveToken, more: Mapping[str, Any]) -> object:
    from kunji._hush import hush

    told = {live.value, *live.extra.values(), *live.environment.values()}
    hush(client.loggers, told - {live.client_id})
    return client.make(live, more)


def _zerodha(live: LiveToken, more: Mapping[str, Any]) -> object:
    kite = import_module("kiteconnect").KiteConnect(api_key=live.environment["KITE_API_KEY"], **more)
    kite.set_access_token(live.value)
    return kite


def _dhan(live: LiveToken, more: Mapping[str, Any]) -> object:
    package = import_module("dhanhq")
    context = getattr(package, "DhanContext", None)
    if context is None:  # before 2.1
        return package.dhanhq(live.client_id, live.value, **more)
    return package.dhanhq(context(live.client_id, live.value, **more))


def _angelone(live: LiveToken, more: Mapping[str, Any]) -> object:
    from kunji._hush import silent

    with silent(_LOGZERO), _no_question_about_the_address():
        client = import_module("SmartApi").SmartConnect(
            api_key=live.environment["ANGELONE_API_KEY"],
            access_token=live.value,
            refresh_token=live.extra.get("refresh_token"),
            feed_token=live.extra.get("feed_token"),
            userId=live.client_id,
            **more,
        )
    # It opened a log file in the working folder, readable by everybody, for whole requests with their headers.
    import_module("logzero").logfile(None)
    return client


def _kotak(live: LiveToken, more: Mapping[str, Any]) -> object:
    # Else it opens a log file in the working folder when it is imported.
    os.environ.setdefault("NEO_LOG_FILE_ENABLED", "false")
    client = import_module("neo_api_client").NeoAPI(
        consumer_key=live.environment["NEO_CONSUMER_KEY"], **{"environment": "prod", **more}
    )
    session = client.configuration
    session.edit_token, session.edit_sid = live.value, live.extra["sid"]
    session.base_url, session.data_center = live.extra["base_url"], live.extra.get("data_center")
    session.ucc = live.client_id
    return client


@contextmanager
def _no_question_about_the_address() -> Iterator[None]:
    """When SmartApi is imported it asks a third party for this machine's address, with no time limit, and throws the
    answer away (version 1.5.5, seen in November 2026)."""
    requests: Any = import_module("requests")
    get = requests.get

    def get_anything_else(url: str, *args: Any, **more: Any) -> Any:
        if url == "https://api.ipify.org":
            raise ConnectionError("not asked")
        return get(url, *args, **more)

    requests.get = get_anything_else
    try:
        yield
    finally:
        requests.get = get


_LOGZERO = "logzero_default"
_CLIENTS = {
    "zerodha": _Client("kiteconnect", _zerodha, ("kiteconnect.connect",)),
    # dhanhq logs to the root logger, which asks its filters about these records alone.
    "dhan": _Client("dhanhq", _dhan, ("root",)),
    "angelone": _Client("smartapi-python logzero websocket-client", _angelone, (_LOGZERO, "SmartApi.smartConnect")),
    "kotak": _Client("kotakneoapi", _kotak),
}
