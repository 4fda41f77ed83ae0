"""Signs of life for others: an address that a monitor listens at, and systemd. In the way of nothing.

Both are given only while the bot's parts go on, so that a bot that is stuck is missed although its process lives.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import httpx

from bot.vitals import Vitals
from brokers import Secret, is_loopback

log = logging.getLogger(__name__)

EVERY_MINUTE = 60.0
WITHIN = 10.0
"""Seconds a monitor may take."""
FIRST_LOOK = 0.1


class Monitor:
    """Is told that the bot is alive by being asked for an address that nobody else knows."""

    def __init__(self, address: Secret, proxy: str | None = None, within: float = WITHIN) -> None:
        self._address = address
        self._proxy = None if is_loopback(address.reveal()) else proxy
        self._within = within
        self._tls = httpx.create_ssl_context(trust_env=False)
        self._fails = False

    async def beat(self) -> None:
        """Once. What goes wrong is said when it begins, and when it is over."""
        fault = await self._fault()
        if fault and not self._fails:
            log.warning("the heartbeat does not reach its monitor (%s); it goes on trying", fault)
        if self._fails and not fault:
            log.info("the heartbeat reaches its monitor again")
        self._fails = fault is not None

    async def _fault(self) -> str | None:
        """What went wrong, in words that hold no address."""
        transport = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, proxy=self._proxy)
        try:
            async with (
                asyncio.timeout(self._within),
                httpx.AsyncClient(transport=transport, trust_env=False, timeout=self._within) as client,
                client.stream("GET", self._address.reveal()) as answer,
            ):
                return None if answer.is_success else f"it answers {answer.status_code}"
        except Exception as error:
            return type(error).__name__


class Systemd:
    """What started us and may want to hear how we are, as a service of `Type=notify`. Else nobody listens."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "")
        self.beats_every = int(microseconds) / 4e6 if self.listens and meant and microseconds.isdecimal() else None
        """Seconds, a quarter of its patience: one look at a bad moment costs nothing. None: it does not watch."""

    @property
    def listens(self) -> bool:
        return bool(self._address)

    def says(self, state: str) -> None:
        if not self.listens:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.setblocking(False)
            sending.sendto(state.encode(), address)


class Heartbeat:
    def __init__(self, vitals: Vitals, systemd: Systemd, monitor: Monitor | None) -> None:
        self._vitals = vitals
        self._systemd = systemd
        self._monitor = monitor

    async def run(self) -> None:
        """Until cancelled, also if nobody wants to hear of it."""
        async with asyncio.TaskGroup() as beats:
            beats.create_task(asyncio.Event().wait())
            if self._systemd.listens:
                beats.create_task(self._say_ready())
            if self._systemd.beats_every:
                beats.create_task(keep_beating(self._systemd.beats_every, self._is_moving, self._pat_watchdog))
            if self._monitor:
                beats.create_task(keep_beating(EVERY_MINUTE, self._is_well, self._monitor.beat))

    async def _say_ready(self) -> None:
        """After the first sweep."""
        while (await self._vitals.look()).sweep_seconds is None:  # noqa: ASYNC110 - the sweep sets no event
            await asyncio.sleep(FIRST_LOOK)
        self._systemd.says("READY=1")

    async def _is_well(self) -> bool:
        return (await self._vitals.look()).is_well

    async def _is_moving(self) -> bool:
        return (await self._vitals.look()).is_moving

    async def _pat_watchdog(self) -> None:
        self._systemd.says("WATCHDOG=1")


async def keep_beating(every: float, may: Callable[[], Awaitable[bool]], beat: Callable[[], Awaitable[None]]) -> None:
    """At every so many seconds, if it may; for ever."""
    clock = asyncio.get_running_loop().time
    while True:
        due = clock() + every
        if await may():
            await beat()
        await asyncio.sleep(max(0.0, due - clock()))
