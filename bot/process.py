"""The process of `kunji run`: alone with its store, until it is signalled, and gone in time whatever hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from bot import logs
from bot.app import App
from bot.config import Config
from bot.store import LockBusy, Store
from bot.works import THREAD_NAME, Works
from brokers import KunjiError

log = logging.getLogger(__name__)


class AlreadyRunning(KunjiError):
    """Another `kunji run` serves this store on this machine."""


def run(config: Config, log_level: str, *, json_log: bool = False) -> None:
    """The command `kunji run`: until SIGTERM or Ctrl-C. Raises AlreadyRunning, StoreError, ClockError, DoorBlocked."""
    _leave_no_core()
    logs.set_up(log_level.upper(), config.secrets, json=json_log)
    works = Works.of(config)
    for name in works.tokens.accounts:
        if held := works.tokens.held(name):
            for secret in (held.token.value, *held.token.extra.values()):
                logs.register(secret)
    with _alone(works.store):
        log.info("serving %s", ", ".join(works.tokens.accounts))
        _serve(App(works).run)
        works.close()
        log.info("stopped")
    _leave()


def _leave_no_core() -> None:
    """What is left of a process that crashed would hold every secret it knew."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    try:
        with store.lock("_run", 0.0):
            yield
    except LockBusy:
        raise AlreadyRunning("kunji already runs with this store", hint="end the other one first") from None


def _serve(serve: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run until signalled. Not by `asyncio.run`: that waits for every thread, for as long as a broker or a name server
    hangs."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.run_until_complete(serve(stop))


def _leave() -> None:
    """End the process. Python would wait for threads that still wait for a broker, for as long as that hangs; what they
    were doing is on disk as begun and is looked after at the next start."""
    if any(thread.name.startswith(THREAD_NAME) for thread in threading.enumerate()):
        logging.shutdown()
        os._exit(0)
