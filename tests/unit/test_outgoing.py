"""What lies in memory and in the store is one message, whatever the store has heard of it so far."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from bot.outgoing import Outgoing
from bot.store import Alert, OutboxItem

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
ITEM = OutboxItem(100, (Alert("expired", NOW, "dhan", {}),), NOW, mark="one")


def test_what_becomes_of_a_message_while_the_store_writes_is_left_to_be_written() -> None:
    out = Outgoing()
    out.take_in([(1, ITEM)])
    [one] = out
    out.ended(one, replace(ITEM, parked="the chat is gone"), NOW)
    written = out.unkept()

    out.ended(one, None, NOW)
    out.kept(written)

    assert out.unkept() == {1: None}


def test_nothing_waits_twice_and_nothing_that_was_put_aside_waits() -> None:
    out = Outgoing()
    parked = replace(ITEM, parked="the chat is gone", mark="two")

    for _ in range(2):
        out.take_in([(1, ITEM), (2, parked)])

    assert [one.number for one in out] == [1]
