"""The outbox: what the bot says by itself is kept until Telegram took it.

Every chat is served in order and by itself, so that one which refuses or is slow delays no other. What is told is on
disk before it is sent; if the disk refuses, it is sent from memory all the same. How a message is sent is no business
of this module, nor what it says.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, time, timedelta
from secrets import token_hex

from bot.delivery import Delivery, Keyboard, Sender, Waiting, Words
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
ENDED_KEPT = timedelta(minutes=10)
"""For so long after its end a message without a number is known again: by then what was on its way has come."""


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
        self._queues: dict[int, deque[Waiting]] = defaultdict(deque)
        self._known: set[int] = set()
        """Numbers of all that is or was on its way out, as far as the store may still show them."""
        self._unkept: dict[int, OutboxItem | None] = {}
        """What became of items, should the store not have taken it."""
        self._ended: dict[str, tuple[datetime, OutboxItem | None]] = {}
        """When items without a number came to their end, and what became of them, by their marks."""
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
            self._take_in(zip(numbers, items, strict=True))
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

    def _take_in(self, items: Iterable[tuple[int | None, OutboxItem]]) -> None:
        unnumbered = self._unnumbered()
        for number, item in items:
            if number is not None:
                if not self._delivers or number in self._known:
                    continue
                self._known.add(number)
                if self._recognises(number, item, unnumbered):
                    continue
            if item.parked is None:
                self._queues[item.chat].append(Waiting(number, item, item.uncertain, item.queued_at))

    def _unnumbered(self) -> dict[str, Waiting]:
        """What waits here alone, as far as is known, by its mark."""
        waiting = (one for queue in list(self._queues.values()) for one in list(queue))
        return {one.item.mark: one for one in waiting if one.number is None}

    def _recognises(self, number: int, item: OutboxItem, unnumbered: Mapping[str, Waiting]) -> bool:
        """It is one that the store took without saying so. It goes by its number from now on; the order of what
        follows matters, as it may be sent at this very moment."""
        one = unnumbered.get(item.mark)
        if one is not None:
            if one.item != item:
                self._unkept[number] = one.item
            one.number = number
        if item.mark in self._ended:
            _, self._unkept[number] = self._ended[item.mark]
        return one is not None or item.mark in self._ended

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
                    for chat in [chat for chat, queue in list(self._queues.items()) if queue]:
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
            self._known.clear()
            self._drop_numbered()

    def _drop_numbered(self) -> None:
        for chat, queue in list(self._queues.items()):
            self._queues[chat] = deque(one for one in queue if one.number is None)

    def is_sending(self) -> bool:
        """Telegram has a message that it has not acknowledged yet."""
        return any(one.sending for queue in list(self._queues.values()) for one in list(queue))

    def settle(self) -> None:
        """Keep what became of messages, also of one whose delivery has just been cut off after Telegram took it."""
        self._write_unkept()

    def hand_in(self) -> None:
        """While somebody else delivers: put into the store what it would not take when it was told, and drop there what
        was sent from here. Raises StoreError."""
        self._write_unkept()
        with self._lock:
            if self._delivers or not (self._ended or any(self._queues.values())):
                return
            unnumbered = self._unnumbered()
            for number, item in self._store.queued():
                self._recognises(number, item, unnumbered)
            self._drop_numbered()
            if waiting := [one.item for queue in self._queues.values() for one in queue]:
                self._store.queue(waiting, once=True)
            self._queues.clear()
            self._forget_ended()
        self._write_unkept()

    def _read(self, *, at_start: bool = False) -> None:
        """Take in what lies in the store: from before a restart, and from other processes."""
        self._write_unkept()
        try:
            with self._lock:
                lying = self._store.queued()
                self._take_in(lying)
                self._known &= {number for number, _ in lying}
                self._forget_ended()
            self._write_unkept()
            if at_start:
                self._put_in_order()
                self._moved = {int(group): moved for group, moved in self._store.bot_note().supergroups.items()}
            self._drop_old_parked(lying)
            self._is_read = True
        except StoreError as error:
            log.log(logging.WARNING if self._is_read else logging.DEBUG, "the outbox cannot be read: %s", error)
            self._is_read = False

    def _forget_ended(self) -> None:
        before = self._now() - ENDED_KEPT
        for mark in [mark for mark, (at, _) in list(self._ended.items()) if at < before]:
            del self._ended[mark]

    def _put_in_order(self) -> None:
        """What was told before the first look at the store comes after what lay there."""
        for chat, queue in list(self._queues.items()):
            self._queues[chat] = deque(sorted(queue, key=lambda one: one.number or math.inf))

    def _drop_old_parked(self, lying: list[tuple[int, OutboxItem]]) -> None:
        before = self._now() - PARKED_KEPT
        old: dict[int, OutboxItem | None] = {
            number: None for number, item in lying if item.parked is not None and item.queued_at < before
        }
        if old:
            self._store.settle(old)

    async def _serve(self, bot: Sender, chat: int) -> None:
        """Empty one chat's queue, in order."""
        queue = self._queues[chat]
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
            for one in queue:
                self._leave(one)
            raise
        finally:
            self._served.discard(chat)

    async def _until_allowed(self, one: Waiting) -> None:
        while not self._may_send(one):
            await self._pause(ALLOWED_EVERY)

    def _leave(self, one: Waiting) -> None:
        """Stopped while it was being sent: it may have arrived."""
        if not one.sending:
            return
        one.item, one.sending = replace(one.item, uncertain=True), False
        if one.number is not None:
            self._unkept[one.number] = one.item

    # What becomes of it

    async def _keep(self, one: Waiting, item: OutboxItem | None) -> None:
        """Put the item in the message's place, or drop it."""
        if item is None and one.sent:
            self.on_taken(self._now() - one.item.queued_at)
        if one.number is None and (item is None or item.parked is not None):
            self._ended[one.item.mark] = self._now(), item
        if one.number is not None:  # by now, perhaps: see `_recognises`
            self._unkept[one.number] = item
            await asyncio.to_thread(self._write_unkept)

    def _write_unkept(self) -> None:
        with self._lock:
            outcomes = dict(self._unkept)
            if not outcomes:
                return
            try:
                self._store.settle(outcomes)
            except StoreError as error:
                log.warning("it could not be kept what became of %d alerts: %s", len(outcomes), error)
                return
            for number, item in outcomes.items():
                if self._unkept.get(number) == item:
                    del self._unkept[number]

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
