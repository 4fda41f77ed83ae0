"""The outbox: what the bot says by itself is kept until Telegram took it.

Every chat is served in order and by itself, so that one which refuses or is slow delays no other. What is told is on
disk before it is sent; if the disk refuses, it is sent from memory all the same. How a message is sent is no business
of this module, nor what it says.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time, timedelta
from secrets import token_hex

from bot.delivery import Delivery, Keyboard, Sender, Waiting, Words
from bot.outgoing import Outgoing
from bot.store import Alert, BotNote, OutboxItem, Store, StoreError
from handlers.access import Audiences

log = logging.getLogger(__name__)

READ_EVERY = 30.0
"""Seconds between two looks for what other processes queued."""
READ_AMONG_OTHERS = 3.0
"""The same where other hosts work for the same chats."""
ALLOWED_EVERY = 0.5
"""Seconds between two questions whether this process may send."""
PARKED_KEPT = timedelta(days=7)


def _always(_one: Waiting) -> bool:
    return True


class Alerts:
    """`tell` may be called from any thread; `run` delivers until it is cancelled. While it does not run, what is told
    lies in the store for whoever delivers."""

    def __init__(  # noqa: PLR0913 - all but three are named, and each is a part of its own
        self,
        store: Store,
        now: Callable[[], datetime],
        audiences: Audiences,
        *,
        words: Words,
        keyboard: Keyboard,
        still_true: Callable[[Alert], bool],
        quiet: tuple[time, time] | None = None,
        started_at: datetime | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        read_every: float = READ_EVERY,
    ) -> None:
        """`still_true` says whether an alert has not been mended meanwhile; it may read the store. `started_at` is when
        this process started: what was queued before and comes late does so because the bot was not running."""
        self._store = store
        self._now = now
        self._audiences = audiences
        self._delivery = Delivery(
            now,
            words,
            keyboard,
            still_true,
            quiet,
            started_at,
            pause,
            keep=self._keep,
            follow=self._follow,
            address=self._address,
            until_allowed=self._until_allowed,
        )
        self._pause = pause
        self._read_every = read_every
        self._lock = threading.Lock()
        self._delivers = False
        self._may_send: Callable[[Waiting], bool] = _always
        self._out = Outgoing()
        self._store_refuses, self._is_read = False, True
        self._moved: dict[int, int] = {}
        self._served: set[int] = set()
        self._wake: Callable[[], None] = lambda: None
        self.on_taken: Callable[[timedelta], None] = lambda _: None
        """Called when Telegram has taken a message, with how long it waited for that."""

    # Telling

    def tell(self, *alerts: Alert) -> None:
        """Keep these for everybody they concern; for each chat they are one message."""
        items = self._addressed(alerts)
        if not items:
            return
        with self._lock:
            try:
                numbers: Sequence[int | None] = self._store.queue(items, once=True)
                self._store_refuses = False
            except StoreError as error:
                log.error("an alert is sent without being kept: %s", error)  # noqa: TRY400 - the sentence says it all
                numbers, items = [None] * len(items), self._saying_so(items, error)
            # While nobody delivers here, what the store has taken is for whoever does.
            told = zip(numbers, items, strict=True)
            self._out.take_in((number, item) for number, item in told if self._delivers or number is None)
        self._wake()

    def _addressed(self, alerts: Sequence[Alert]) -> list[OutboxItem]:
        by_chat: dict[int, list[Alert]] = defaultdict(list)
        for alert in alerts:
            chats = self._chats(alert.account)
            if not chats:
                log.warning("nobody is told of %r about %s", alert.kind, alert.account)
            for chat in chats:
                by_chat[chat].append(alert)
        now = self._now()
        return [OutboxItem(chat, tuple(some), now, mark=token_hex(8)) for chat, some in by_chat.items()]

    def _chats(self, account: str | None) -> list[int]:
        if account is not None:
            audience = self._audiences.get(account)
            return sorted(audience.admin_chats) if audience else []
        return sorted({chat for audience in self._audiences.values() for chat in audience.admin_chats})

    def _saying_so(self, items: list[OutboxItem], error: StoreError) -> list[OutboxItem]:
        """The first messages that the store refuses say that it does."""
        said, self._store_refuses = self._store_refuses, True
        if said or any(alert.kind == "store" for item in items for alert in item.alerts):
            return items
        fault = Alert("store", self._now(), None, {"fault": str(error)})
        return [replace(item, alerts=(*item.alerts, fault)) for item in items]

    # Running

    async def run(
        self, bot: Sender, *, may_send: Callable[[Waiting], bool] = _always, among_others: bool = False
    ) -> None:
        """Deliver what waits and what comes, until cancelled. `may_send` is asked right before each is sent.
        `among_others`: other hosts queue, too, and one of them may deliver next."""
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        read_every = min(self._read_every, READ_AMONG_OTHERS) if among_others else self._read_every
        self._may_send = may_send

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended; the store keeps it for the next one
                loop.call_soon_threadsafe(woken.set)

        self._wake = wake
        with self._lock:
            self._delivers = True
        try:
            async with asyncio.TaskGroup() as senders:
                await asyncio.to_thread(self._read, at_start=True)
                while True:
                    for chat in self._out.chats():
                        if chat not in self._served:
                            self._served.add(chat)
                            senders.create_task(self._serve(bot, chat))
                    try:
                        async with asyncio.timeout(read_every):
                            await woken.wait()
                    except TimeoutError:
                        await asyncio.to_thread(self._read)
                    woken.clear()
        finally:
            self._wake = lambda: None
            self._forget_kept()
            await asyncio.to_thread(self._write_unkept)

    def _forget_kept(self) -> None:
        """What lies in the store is read anew, should this process deliver again: somebody else may have meanwhile."""
        with self._lock:
            self._delivers = False
            self._out.forget_kept()

    def is_sending(self) -> bool:
        """Telegram has a message that it has not acknowledged yet."""
        return any(one.sending for one in self._out)

    def settle(self) -> None:
        """Keep what became of messages, also of one whose delivery has just been cut off after Telegram took it."""
        self._write_unkept()

    def hand_in(self) -> None:
        """While somebody else delivers: put into the store what it would not take when it was told, and drop there what
        was sent from here. Raises StoreError."""
        self._write_unkept()
        with self._lock:
            if self._delivers or self._out.is_at_rest():
                return
            self._out.recognise(self._store.queued())
            self._out.forget_kept()
            if waiting := [one.item for one in self._out]:
                self._store.queue(waiting, once=True)
            self._out.forget_waiting()
            self._out.forget_ended(self._now())
        self._write_unkept()

    def _read(self, *, at_start: bool = False) -> None:
        """Take in what lies in the store: from before a restart, and from other processes."""
        self._write_unkept()
        try:
            with self._lock:
                lying = self._store.queued()
                self._out.take_in(lying)
                self._out.forget_gone(lying)
                self._out.forget_ended(self._now())
            self._write_unkept()
            if at_start:
                self._out.put_in_order()
                self._moved = {int(group): moved for group, moved in self._store.bot_note().supergroups.items()}
            self._drop_old_parked(lying)
            self._is_read = True
        except StoreError as error:
            log.log(logging.WARNING if self._is_read else logging.DEBUG, "the outbox cannot be read: %s", error)
            self._is_read = False

    def _drop_old_parked(self, lying: list[tuple[int, OutboxItem]]) -> None:
        before = self._now() - PARKED_KEPT
        old: dict[int, OutboxItem | None] = {
            number: None for number, item in lying if item.parked is not None and item.queued_at < before
        }
        if old:
            self._store.settle(old)

    async def _serve(self, bot: Sender, chat: int) -> None:
        """Empty one chat's queue, in order."""
        queue = self._out.queue(chat)
        try:
            while queue:
                one = next((one for one in queue if self._may_send(one)), queue[0])
                try:
                    await self._delivery.deliver(bot, one)
                    queue.remove(one)
                except Exception:
                    log.exception("the outbox stumbled; it goes on")
                    await self._pause(READ_EVERY)
        except asyncio.CancelledError:
            self._out.cut_off(chat)
            raise
        finally:
            self._served.discard(chat)

    async def _until_allowed(self, one: Waiting) -> None:
        while not self._may_send(one):
            await self._pause(ALLOWED_EVERY)

    # What becomes of it

    async def _keep(self, one: Waiting, item: OutboxItem | None) -> None:
        """Put the item in the message's place, or drop it."""
        if item is None and one.sent:
            self.on_taken(self._now() - one.item.queued_at)
        self._out.ended(one, item, self._now())
        if one.number is not None:
            await asyncio.to_thread(self._write_unkept)

    def _write_unkept(self) -> None:
        with self._lock:
            outcomes = self._out.unkept()
            if not outcomes:
                return
            try:
                self._store.settle(outcomes)
            except StoreError as error:
                log.warning("it could not be kept what became of %d alerts: %s", len(outcomes), error)
                return
            self._out.kept(outcomes)

    def _address(self, chat: int) -> int:
        return self._moved.get(chat, chat)

    async def _follow(self, group: int, supergroup: int) -> None:
        self._moved[group] = supergroup

        def remember(note: BotNote) -> BotNote:
            return replace(note, supergroups={**note.supergroups, str(group): supergroup})

        try:
            await asyncio.to_thread(self._store.update_bot, remember)
        except StoreError as error:
            log.warning("it could not be kept that a group has a new id: %s", error)
