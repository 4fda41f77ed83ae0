from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut

from bot.alerts import Alerts
from bot.store import Alert, OutboxItem, StoreAway
from bot.store._codec import Codec
from handlers.access import Audience
from tests.fakes import FakeClock, MemoryStore
from tests.waiting import until

NOON = datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
ADMIN, WIFE, GROUP = 11, 22, -33


@pytest.fixture(autouse=True)
def _telegram_times_as_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


class ConnectTimeout(Exception):
    """As the HTTP client names it."""


def never_left() -> TimedOut:
    error = TimedOut()
    error.__cause__ = ConnectTimeout()
    return error


class FakeWords:
    """Says each alert's kind; `long` makes every alert a message of its own."""

    def __init__(self) -> None:
        self.long = False
        self.fails = False

    def alerts(
        self, alerts: list[Alert], now: datetime, /, *, late: timedelta | None, repeat: bool, why: str
    ) -> list[str]:
        if self.fails:
            raise KeyError("a fault of ours")
        said = [alert.kind for alert in alerts]
        parts = said if self.long else [" ".join(said)]
        marks = [
            f" late {late.total_seconds():.0f} for {why}" if late is not None else "",
            " possibly a repeat" if repeat else "",
        ]
        return [*parts[:-1], parts[-1] + "".join(marks)]

    def alert_buttons(self, alert: Alert, /) -> list[tuple[str, str]]:
        return [("refresh", alert.account)] if alert.account else []


class FakeBot:
    """Takes messages, or fails as it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, str]] = []
        self.loud: list[bool] = []
        self.buttons: list[InlineKeyboardMarkup | None] = []
        self.fails: dict[int, list[Exception | None]] = {}
        """What comes of the next tries for a chat; None is a success, and so is everything after."""
        self.tries = 0
        self.hangs: set[int] = set()

    async def send_message(
        self,
        chat_id: int,
        text: str,
        parse_mode: str,
        *,
        disable_notification: bool,
        reply_markup: InlineKeyboardMarkup | None,
    ) -> object:
        self.tries += 1
        if chat_id in self.hangs:
            await asyncio.Event().wait()
        if self.fails.get(chat_id) and (error := self.fails[chat_id].pop(0)):
            raise error
        self.taken.append((chat_id, text))
        self.loud.append(not disable_notification)
        self.buttons.append(reply_markup)
        return None

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.taken]


class Stumbling(MemoryStore):
    """`loses_answers`: what is told lies there, and nobody hears that it does. `is_away`: nothing is given or taken."""

    loses_answers = False
    is_away = False

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._answer()
        with super()._writing():
            yield

    def queue(self, items: Iterable[OutboxItem], *, once: bool = False) -> list[int]:
        numbers = super().queue(items, once=once)
        if self.loses_answers:
            raise StoreAway("the store does not answer")
        return numbers

    def queued(self) -> list[tuple[int, OutboxItem]]:
        self._answer()
        return super().queued()

    def _answer(self) -> None:
        if self.is_away:
            raise StoreAway("the store does not answer")


class Desk:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.clock = FakeClock(NOON)
        self.store = store or MemoryStore()
        self.words = FakeWords()
        self.bot = FakeBot()
        self.mended: set[str] = set()
        self.waits: list[float] = []
        self.quiet: tuple[time, time] | None = None
        self.restart()

    def restart(self) -> None:
        audiences = {
            "dhan": Audience(frozenset(), frozenset({ADMIN})),
            "wife": Audience(frozenset(), frozenset({ADMIN, WIFE})),
            "desk": Audience(frozenset(), frozenset({GROUP})),
        }
        self.outbox = Alerts(
            self.store,
            self.clock.now,
            audiences,
            words=self.words,
            keyboard=self.keyboard,
            still_true=lambda alert: alert.kind not in self.mended,
            quiet=self.quiet,
            started_at=self.clock.now(),
            pause=self.pause,
            read_every=0.01,
        )

    def keyboard(self, user: int, wanted: list[tuple[str, str]]) -> InlineKeyboardMarkup | None:
        rows = [[InlineKeyboardButton(f"{action} {account}", callback_data=f"{user}")] for action, account in wanted]
        return InlineKeyboardMarkup(rows) if rows else None

    async def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.clock.go(seconds)
        await asyncio.sleep(0)

    def tell(self, *kinds: str, account: str | None = "dhan", loud: bool = True) -> None:
        self.outbox.tell(*(Alert(kind, self.clock.now(), account, loud=loud) for kind in kinds))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.outbox.run(self.bot))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def deliver(self, enough: Callable[[], bool] | None = None) -> None:
        """Run until that is so, or nothing waits in the store."""
        async with self.running():
            await until(enough or (lambda: not self.lying()))

    def lying(self) -> list[OutboxItem]:
        return [item for _, item in self.store.queued() if item.parked is None]

    def parked(self) -> list[OutboxItem]:
        return [item for _, item in self.store.queued() if item.parked is not None]


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_alerts_of_one_call_are_one_message_to_each_chat_they_concern(desk: Desk) -> None:
    desk.outbox.tell(Alert("a", NOON, "dhan"), Alert("b", NOON, "wife"), Alert("c", NOON, None))

    await desk.deliver()

    assert sorted(desk.bot.taken) == [(GROUP, "c"), (ADMIN, "a b c"), (WIFE, "b c")]


async def test_what_is_told_while_it_runs_is_sent_at_once_from_any_thread(desk: Desk) -> None:
    async with desk.running():
        await asyncio.sleep(0.01)
        thread = threading.Thread(target=desk.tell, args=("a",))
        thread.start()
        await until(lambda: desk.bot.texts == ["a"])
        thread.join()

    assert desk.waits == []


async def test_what_was_queued_before_a_restart_is_sent_at_start_and_only_once(desk: Desk) -> None:
    desk.tell("a")
    desk.tell("b")
    desk.restart()
    desk.tell("c")

    await desk.deliver()
    desk.restart()
    await desk.deliver()

    assert desk.bot.texts == ["a", "b", "c"]


async def test_a_message_is_settled_only_after_telegram_took_it(desk: Desk) -> None:
    desk.bot.hangs = {ADMIN}
    desk.tell("a")

    await desk.deliver(enough=lambda: desk.bot.tries == 1)

    assert len(desk.lying()) == 1


async def test_a_message_cut_off_by_a_stop_comes_again_and_says_that_it_may_be_a_repeat(desk: Desk) -> None:
    desk.bot.hangs = {ADMIN}
    desk.tell("a")
    await desk.deliver(enough=lambda: desk.bot.tries == 1)

    desk.bot.hangs.clear()
    desk.restart()
    await desk.deliver()

    assert desk.bot.texts == ["a possibly a repeat"]


@pytest.mark.parametrize("error", [NetworkError("Bad Gateway"), InvalidToken(), never_left()])
async def test_an_outage_is_waited_out_in_order_however_long_it_lasts(desk: Desk, error: Exception) -> None:
    desk.bot.fails[ADMIN] = [error] * 200
    desk.tell("a")
    desk.tell("b")

    await desk.deliver()

    assert [text.split()[0] for text in desk.bot.texts] == ["a", "b"]
    assert all("repeat" not in text for text in desk.bot.texts)
    assert max(desk.waits) <= 30
    assert desk.waits[:3] == [1, 2, 4]


async def test_a_message_that_waited_for_minutes_says_how_late_it_is(desk: Desk) -> None:
    desk.tell("a")
    desk.clock.go(121)

    await desk.deliver()

    assert desk.bot.texts == ["a late 121 for telegram"]


async def test_a_message_of_before_this_start_is_late_because_the_bot_was_not_running(desk: Desk) -> None:
    desk.tell("a")
    desk.clock.go(3600)
    desk.restart()
    desk.tell("b")
    desk.clock.go(300)

    await desk.deliver()

    assert desk.bot.texts == ["a late 3900 for away", "b late 300 for telegram"]


async def test_a_message_that_waited_a_moment_says_nothing_of_it(desk: Desk) -> None:
    desk.tell("a")
    desk.clock.go(119)

    await desk.deliver()

    assert desk.bot.texts == ["a"]


@pytest.mark.parametrize("told", [7, timedelta(seconds=7)])
async def test_telegram_says_how_long_to_wait(desk: Desk, told: int | timedelta) -> None:
    desk.bot.fails[ADMIN] = [RetryAfter(told)]
    desk.tell("a")

    await desk.deliver()

    assert desk.waits == [7]
    assert desk.bot.texts == ["a"]


@pytest.mark.parametrize(("left", "waits"), [(40, [40]), (-5, []), (7 * 86400, [])])
async def test_how_long_to_wait_outlives_a_restart_unless_it_cannot_be_true(
    desk: Desk, left: int, waits: list[float]
) -> None:
    item = OutboxItem(ADMIN, (Alert("a", NOON, "dhan"),), NOON, not_before=NOON + timedelta(seconds=left))
    desk.store.queue([item])

    await desk.deliver()

    assert desk.waits == waits
    assert desk.bot.texts == ["a"]


async def test_a_send_that_timed_out_goes_once_more_and_says_so(desk: Desk) -> None:
    desk.bot.fails[ADMIN] = [TimedOut()]
    desk.tell("a")

    await desk.deliver()

    assert desk.bot.texts == ["a possibly a repeat"]


async def test_a_send_that_timed_out_again_and_again_is_never_given_up(desk: Desk) -> None:
    desk.bot.fails[ADMIN] = [TimedOut(), TimedOut()]
    desk.tell("a")
    desk.tell("b")

    await desk.deliver()

    assert desk.bot.texts == ["a possibly a repeat", "b"]
    assert desk.bot.tries == 4


async def test_a_time_out_is_remembered_over_a_restart(desk: Desk) -> None:
    desk.bot.fails[ADMIN] = [TimedOut(), *[NetworkError("down")] * 50]
    desk.tell("a")
    await desk.deliver(enough=lambda: desk.bot.tries > 3)

    desk.bot.fails.clear()
    desk.restart()
    await desk.deliver()

    [text] = desk.bot.texts
    assert text.endswith("possibly a repeat")


async def test_in_an_outage_after_a_time_out_the_message_is_not_lost(desk: Desk) -> None:
    desk.bot.fails[ADMIN] = [TimedOut(), *(never_left() for _ in range(20))]
    desk.tell("a")

    await desk.deliver()

    assert desk.bot.texts[0].startswith("a")
    assert desk.bot.texts[0].endswith("possibly a repeat")


@pytest.mark.parametrize("error", [Forbidden("bot was blocked by the user"), BadRequest("chat not found")])
async def test_a_refused_message_is_put_aside_and_blocks_nobody(desk: Desk, error: Exception) -> None:
    desk.bot.fails[ADMIN] = [error]
    desk.tell("a", account="wife")
    desk.tell("b", account="wife")

    await desk.deliver()

    assert sorted(desk.bot.taken) == [(ADMIN, "b"), (WIFE, "a"), (WIFE, "b")]
    [item] = desk.parked()
    assert item.chat == ADMIN
    assert type(error).__name__ in str(item.parked)


async def test_what_was_put_aside_is_not_sent_after_a_restart_and_is_forgotten_after_a_week(desk: Desk) -> None:
    desk.bot.fails[ADMIN] = [Forbidden("blocked")]
    desk.tell("a")
    await desk.deliver()

    desk.restart()
    await desk.deliver(enough=lambda: len(desk.parked()) == 1)
    desk.clock.go(8 * 86400)
    desk.restart()
    await desk.deliver(enough=lambda: not desk.parked())

    assert desk.bot.texts == []


async def test_what_was_put_aside_is_forgotten_after_a_week_also_without_a_restart(desk: Desk) -> None:
    desk.bot.fails[ADMIN] = [Forbidden("blocked")]
    desk.tell("a")

    async with desk.running():
        await until(lambda: len(desk.parked()) == 1)
        desk.clock.go(8 * 86400)
        await until(lambda: not desk.parked())

    assert desk.bot.texts == []


async def test_a_chat_that_hangs_delays_no_other(desk: Desk) -> None:
    desk.bot.hangs = {ADMIN}
    desk.tell("a", account="wife")

    await desk.deliver(enough=lambda: desk.bot.taken == [(WIFE, "a")])

    assert len(desk.lying()) == 1


async def test_a_group_that_became_a_supergroup_is_followed_also_after_a_restart(desk: Desk) -> None:
    desk.bot.fails[GROUP] = [ChatMigrated(-100)] * 9
    desk.tell("a", account="desk")
    await desk.deliver()
    desk.restart()
    desk.tell("b", account="desk")
    await desk.deliver()

    assert desk.bot.taken == [(-100, "a"), (-100, "b")]
    assert len(desk.bot.fails[GROUP]) == 8


async def test_what_was_mended_meanwhile_is_not_sent(desk: Desk) -> None:
    desk.tell("a", "b")
    desk.tell("a")
    desk.mended = {"a"}

    await desk.deliver()

    assert desk.bot.texts == ["b"]


async def test_what_is_mended_during_an_outage_is_not_sent_after_it(desk: Desk) -> None:
    desk.bot.fails[ADMIN] = [NetworkError("down")] * 1000
    desk.tell("a")

    async with desk.running():
        await until(lambda: desk.bot.tries > 3)
        desk.mended = {"a"}
        await until(lambda: not desk.lying())

    assert desk.bot.texts == []


async def test_an_alert_whose_truth_is_unknown_is_sent(desk: Desk) -> None:
    class Torn(set[str]):
        def __contains__(self, kind: object) -> bool:
            raise RuntimeError("a fault of ours")

    desk.mended = Torn()
    desk.tell("a")

    await desk.deliver()

    assert desk.bot.texts == ["a"]


async def test_a_long_message_is_sent_in_parts_of_which_only_the_first_makes_a_sound(desk: Desk) -> None:
    desk.words.long = True
    desk.tell("a", "b", "c")

    await desk.deliver()

    assert desk.bot.texts == ["a", "b", "c"]
    assert desk.bot.loud == [True, False, False]
    assert [bool(buttons) for buttons in desk.bot.buttons] == [False, False, True]


async def test_parts_that_were_taken_are_not_sent_again_after_a_failure(desk: Desk) -> None:
    desk.words.long = True
    desk.tell("a", "b", "c")
    desk.bot.fails[ADMIN] = [None, NetworkError("down"), TimedOut()]

    await desk.deliver()

    assert desk.bot.texts == ["a", "b", "c possibly a repeat"]


@pytest.mark.parametrize(("loud", "quiet", "sound"), [(True, False, True), (False, False, False), (True, True, False)])
async def test_a_message_makes_a_sound_if_one_of_its_alerts_does_and_it_is_not_night(
    desk: Desk, *, loud: bool, quiet: bool, sound: bool
) -> None:
    desk.quiet = (time(11), time(13)) if quiet else None
    desk.restart()

    desk.outbox.tell(Alert("a", NOON, "dhan", loud=False), Alert("b", NOON, "dhan", loud=loud))
    await desk.deliver()

    assert desk.bot.loud == [sound]


async def test_a_group_gets_no_buttons(desk: Desk) -> None:
    desk.tell("a", account="desk")
    desk.tell("b", account="dhan")

    await desk.deliver()

    assert {chat: bool(buttons) for (chat, _), buttons in zip(desk.bot.taken, desk.bot.buttons, strict=True)} == {
        GROUP: False,
        ADMIN: True,
    }


async def test_a_button_is_made_for_the_user_of_the_chat_and_only_once(desk: Desk) -> None:
    desk.tell("a", "b", account="wife")

    await desk.deliver()

    made = {
        chat: [button.callback_data for row in markup.inline_keyboard for button in row]
        for (chat, _), markup in zip(desk.bot.taken, desk.bot.buttons, strict=True)
        if markup
    }
    assert made == {ADMIN: [str(ADMIN)], WIFE: [str(WIFE)]}


async def test_an_alert_that_the_disk_refuses_is_sent_all_the_same_and_the_fault_is_said_once(desk: Desk) -> None:
    desk.store.refuses_writes = True
    desk.tell("a")
    desk.tell("b")

    await desk.deliver(enough=lambda: len(desk.bot.taken) == 2)

    assert desk.bot.texts == ["a store", "b"]


async def test_what_the_store_took_without_saying_so_is_sent_once() -> None:
    store = Stumbling()
    desk = Desk(store)
    store.loses_answers = True

    async with desk.running():
        desk.tell("a")
        store.loses_answers = False
        desk.tell("b")
        await until(lambda: not desk.lying())

    assert desk.bot.texts == ["a store", "b"]


async def test_what_was_sent_before_the_store_shows_that_it_has_it_is_settled_there() -> None:
    store = Stumbling()
    desk = Desk(store)
    async with desk.running():
        store.loses_answers = True
        desk.tell("a")
        store.is_away = True
        await until(lambda: len(desk.bot.taken) == 1)

        store.is_away = store.loses_answers = False
        await until(lambda: not desk.lying())

    assert desk.bot.texts == ["a store"]


async def test_what_came_of_a_message_is_kept_also_if_the_store_took_it_without_saying_so() -> None:
    store = Stumbling()
    desk = Desk(store)
    desk.bot.fails[ADMIN] = [Forbidden("blocked")]
    store.loses_answers = True

    async with desk.running():
        desk.tell("a")
        store.is_away = True
        await until(lambda: desk.bot.tries == 1)
        store.is_away = False
        await until(lambda: len(desk.parked()) == 1)
    desk.restart()
    await desk.deliver(enough=lambda: len(desk.parked()) == 1)

    assert desk.bot.texts == []


async def test_a_message_that_may_have_arrived_says_so_after_a_kill_too_if_the_store_did_not_say_that_it_has_it() -> (
    None
):
    store = Stumbling()
    desk = Desk(store)
    desk.bot.fails[ADMIN] = [TimedOut(), *[NetworkError("down")] * 10_000]
    store.loses_answers = True
    async with desk.running():
        desk.tell("a")
        store.is_away = True
        await until(lambda: desk.bot.tries > 3)
        store.is_away = False
        await until(lambda: any(item.uncertain for item in desk.lying()))
    desk.bot.fails.clear()

    desk.restart()
    await desk.deliver()

    [text] = desk.bot.texts
    assert text.endswith("possibly a repeat")


async def test_messages_of_an_older_version_have_no_mark_and_are_all_sent(desk: Desk) -> None:
    item = Codec(OutboxItem).decode(
        '{"chat":11,"alerts":[{"kind":"a","at":"2026-01-05T06:30:00+00:00"}],"queued_at":"2026-01-05T06:30:00+00:00"}'
    )
    desk.store.queue([item, item])

    await desk.deliver()

    assert desk.bot.texts == ["a", "a"]


async def test_a_disk_that_fills_up_during_a_send_does_not_repeat_it(desk: Desk) -> None:
    desk.tell("a")
    desk.store.refuses_writes = True
    async with desk.running():
        await until(lambda: desk.bot.texts == ["a"])
        desk.store.refuses_writes = False
        desk.tell("b")
        await until(lambda: not desk.lying())

    assert desk.bot.texts == ["a", "b"]


async def test_an_alert_that_cannot_be_put_into_words_is_put_aside(desk: Desk) -> None:
    desk.words.fails = True
    desk.tell("a")

    await desk.deliver()

    assert [item.parked for item in desk.parked()] == ["KeyError"]


async def test_an_alert_about_an_account_without_an_admin_is_told_to_nobody(desk: Desk) -> None:
    desk.tell("a", account="gone")

    assert desk.lying() == []


async def test_telling_nothing_writes_nothing(desk: Desk) -> None:
    desk.outbox.tell()

    assert desk.store.writes == 0


async def test_many_alerts_of_one_sweep_are_one_item_with_few_buttons() -> None:
    names = [f"account-{number}" for number in range(1000)]
    desk = Desk()
    desk.outbox = Alerts(
        desk.store,
        desk.clock.now,
        {name: Audience(frozenset(), frozenset({ADMIN})) for name in names},
        words=desk.words,
        keyboard=desk.keyboard,
        still_true=lambda alert: True,
        pause=desk.pause,
    )

    desk.outbox.tell(*(Alert("warning", NOON, name) for name in names))
    assert len(desk.lying()) == 1
    await desk.deliver()

    assert len(desk.bot.taken) == 1
    [buttons] = desk.bot.buttons
    assert buttons is not None
    assert len(buttons.inline_keyboard) <= 20


async def test_what_another_process_queued_comes_with_the_next_look(desk: Desk) -> None:
    desk.tell("a")
    await desk.deliver()
    other = Desk(desk.store)
    other.tell("b")

    await desk.deliver()

    assert desk.bot.texts == ["a", "b"]


def as_uncertain(items: Iterable[OutboxItem]) -> list[OutboxItem]:
    return [replace(item, uncertain=True) for item in items]


async def test_an_uncertain_message_of_before_that_times_out_again_goes_again(desk: Desk) -> None:
    desk.store.queue(as_uncertain([OutboxItem(ADMIN, (Alert("a", NOON, "dhan"),), NOON)]))
    desk.bot.fails[ADMIN] = [TimedOut()]

    await desk.deliver()

    assert desk.bot.texts == ["a possibly a repeat"]
    assert desk.bot.tries == 2
