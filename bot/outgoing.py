"""What is on its way to the chats, in memory, and what the store knows of it.

A message lies here, in the store, or in both: its mark tells that the two are one, and in the store it has a number as
well. Nothing here reads or writes the store; whoever calls sees to it that one thread at a time takes in and forgets.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.delivery import Waiting
from bot.store import OutboxItem

ENDED_KEPT = timedelta(minutes=10)
"""For so long after its end a message without a number is known again: by then what was on its way has come."""

Outcome = OutboxItem | None
"""What a message is to be replaced by; None: it is to be dropped."""


class Outgoing:
    def __init__(self) -> None:
        self._queues: dict[int, deque[Waiting]] = defaultdict(deque)
        self._known: set[int] = set()
        """Numbers of all that is or was on its way out, as far as the store may still show them."""
        self._unkept: dict[int, Outcome] = {}
        """What became of items, should the store not have taken it."""
        self._ended: dict[str, tuple[datetime, Outcome]] = {}
        """When items without a number came to their end, and what became of them, by their marks."""

    def __iter__(self) -> Iterator[Waiting]:
        return (one for queue in list(self._queues.values()) for one in list(queue))

    def chats(self) -> list[int]:
        """Those for which something waits."""
        return [chat for chat, queue in list(self._queues.items()) if queue]

    def queue(self, chat: int) -> deque[Waiting]:
        return self._queues[chat]

    # What comes

    def take_in(self, items: Iterable[tuple[int | None, OutboxItem]]) -> None:
        """Let what is new here wait. Without a number it is one that the store would not take."""
        unnumbered = self._unnumbered()
        for number, item in items:
            if number is not None:
                if number in self._known:
                    continue
                self._known.add(number)
                if self._recognises(number, item, unnumbered):
                    continue
            if item.parked is None:
                self._queues[item.chat].append(Waiting(number, item, item.uncertain, item.queued_at))

    def recognise(self, lying: Iterable[tuple[int, OutboxItem]]) -> None:
        """Find again what the store took without saying so, and take in nothing else."""
        unnumbered = self._unnumbered()
        for number, item in lying:
            self._recognises(number, item, unnumbered)

    def _unnumbered(self) -> dict[str, Waiting]:
        """What waits here alone, as far as is known, by its mark."""
        return {one.item.mark: one for one in self if one.number is None}

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

    def put_in_order(self) -> None:
        """What was told before the first look at the store comes after what lay there."""
        for chat, queue in list(self._queues.items()):
            self._queues[chat] = deque(sorted(queue, key=lambda one: one.number or math.inf))

    # What becomes of it

    def ended(self, one: Waiting, outcome: Outcome, now: datetime) -> None:
        if one.number is None and (outcome is None or outcome.parked is not None):
            self._ended[one.item.mark] = now, outcome
        if one.number is not None:  # by now, perhaps: see `_recognises`
            self._unkept[one.number] = outcome

    def cut_off(self, chat: int) -> None:
        """Nobody serves the chat any more; what was being sent may have arrived."""
        for one in self._queues[chat]:
            if one.sending:
                one.item, one.sending = replace(one.item, uncertain=True), False
                if one.number is not None:
                    self._unkept[one.number] = one.item

    def unkept(self) -> dict[int, Outcome]:
        """What is to be written, by number."""
        return dict(self._unkept)

    def kept(self, outcomes: Mapping[int, Outcome]) -> None:
        """The store has taken this; what changed since is still to be written."""
        for number, outcome in outcomes.items():
            if self._unkept.get(number) == outcome:
                del self._unkept[number]

    # Forgetting

    def forget_kept(self) -> None:
        """Leave what lies in the store to whoever delivers next."""
        self._known.clear()
        for chat, queue in list(self._queues.items()):
            self._queues[chat] = deque(one for one in queue if one.number is None)

    def forget_waiting(self) -> None:
        """All of it lies in the store now."""
        self._queues.clear()

    def forget_gone(self, lying: Iterable[tuple[int, OutboxItem]]) -> None:
        """Numbers that the store no longer shows."""
        self._known &= {number for number, _ in lying}

    def forget_ended(self, now: datetime) -> None:
        for mark in [mark for mark, (at, _) in list(self._ended.items()) if at < now - ENDED_KEPT]:
            del self._ended[mark]

    def is_at_rest(self) -> bool:
        """Nothing waits, and nothing came to its end that the store may not know of."""
        return not self._ended and not self.chats()
