"""The process of `kunji run`: alone with its store or one of a crew, until it is signalled, and gone in time whatever
hangs."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from bot import logs
from bot.app import App
from bot.config import Config
from bot.heartbeat import Systemd
from bot.store import LockBusy, Store, StoreAway
from bot.works import THREAD_NAME, Works
from brokers import KunjiError

log = logging.getLogger(__name__)

TRY_EVERY = 2.0
"""Seconds between two tries to reach a store that is away at the start."""
SAY_EVERY = 60.0
MORE_TIME = "EXTEND_TIMEOUT_USEC=30000000"
"""To systemd: the start takes longer."""


class AlreadyRunning(KunjiError):
    """Another `kunji run` serves this store on this machine."""


def run(config: Config, log_level: str, *, json_log: bool = False) -> None:
    """The command `kunji run`: until SIGTERM or Ctrl-C. Raises AlreadyRunning, StoreError, ClockError, DoorBlocked."""
    _leave_no_core()
    logs.set_up(log_level.upper(), config.secrets, json=json_log)
    _serve(partial(_live, config))
    log.info("stopped")
    _leave()


def _leave_no_core() -> None:
    """What is left of a process that crashed would hold every secret it knew."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


async def _live(config: Config, stop: asyncio.Event) -> None:
    works = await _once_reached(partial(_opened, config), stop)
    if works is None:
        return
    with _with_right(works.store):
        log.info("serving %s", ", ".join(works.tokens.accounts))
        await App(works).run(stop)
        works.close()


def _opened(config: Config) -> Works:
    works = Works.of(config)
    for name in works.tokens.accounts:
        if held := works.tokens.held(name):
            for secret in (held.token.value, *held.token.extra.values()):
                logs.register(secret)
    return works


async def _once_reached(opened: Callable[[], Works], stop: asyncio.Event) -> Works | None:
    """A store on a server may be away when the machine starts: then it is waited for. None: told to stop meanwhile."""
    loop, systemd = asyncio.get_running_loop(), Systemd(os.environ)
    said_at = -SAY_EVERY
    while not stop.is_set():
        try:
            return opened()
        except StoreAway as error:
            if loop.time() - said_at >= SAY_EVERY:
                said_at = loop.time()
                log.warning("%s; it is tried again until it does", error)
            systemd.says(MORE_TIME)
            with suppress(TimeoutError):
                async with asyncio.timeout(TRY_EVERY):
                    await stop.wait()
    return None


@contextmanager
def _with_right(store: Store) -> Iterator[None]:
    """To serve this store: as one of a crew, or else as the only one."""
    if store.crew() is not None:
        yield
        return
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
