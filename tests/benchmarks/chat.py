"""The bot in the chat, beside a bare echo bot: start, memory, and answers while logins hang.

Each runs as a process of its own against a stand-in for Telegram, whose own time is in every figure. The answers are
measured in turns, so that whatever else the machine does falls on all alike.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

from bot.sandbox import TOKEN, Sandbox
from tests.benchmarks.harness import Figure, p50, p99, processor_milliseconds, resident_mib, running
from tests.benchmarks.places import folder, write
from tests.benchmarks.process import AS_THE_SCRIPT

CHAT = 4242
ANSWERS = 400
WARM_UP = 20
BETWEEN = 0.005
"""Seconds between two questions. Nobody types faster, and what is still done after an answer is not the next one's."""
HANGING = 10
STARTS = 5
PIN = "123456"

ECHO, SAME = "bare echo bot", "echo of the same text"


@dataclass(frozen=True, slots=True)
class Idle:
    start: float
    """Seconds until the first answer."""
    memory: float
    """MiB."""


@dataclass(frozen=True, slots=True)
class Bot:
    sandbox: Sandbox
    process: Popen[bytes]
    answers: list[float] = field(default_factory=list)
    """Milliseconds."""

    def ask(self) -> None:
        time.sleep(BETWEEN)
        self.answers.append(answered_after(self.sandbox, "/status") * 1000)


def figures() -> Iterator[Figure]:
    with Sandbox() as sandbox:
        echo = idle(sandbox, bare(sandbox))
    with Sandbox() as sandbox, folder() as config:
        ours = idle(sandbox, kunji(sandbox, config))
    yield Figure("start to first answer, p50", ours.start, "s", echo.start, ECHO, at_most=1)
    yield Figure("idle memory", ours.memory, "MiB", echo.memory, ECHO, ratio_at_most=2)
    yield from answers()


def idle(sandbox: Sandbox, command: tuple[str, ...]) -> Idle:
    starts, memory = [], 0.0
    for _ in range(STARTS):
        with started(sandbox, command) as (process, seconds):
            starts.append(seconds)
            time.sleep(1)
            memory = resident_mib(process)
    return Idle(p50(starts), memory)


def answers() -> Iterator[Figure]:
    with ExitStack() as stack:

        def begin(command: Callable[[Sandbox], tuple[str, ...]]) -> Bot:
            sandbox = stack.enter_context(Sandbox())
            process, _ = stack.enter_context(started(sandbox, command(sandbox)))
            return Bot(sandbox, process)

        config = stack.enter_context(folder())
        ours = begin(lambda sandbox: kunji(sandbox, config))
        hang(ours.sandbox)
        answered_after(ours.sandbox, "/status")
        said = stack.enter_context(folder()) / "said.json"
        said.write_text(json.dumps(last_said(ours.sandbox)))
        bots = ours, begin(bare), begin(lambda sandbox: (*bare(sandbox), str(said)))
        in_turns(bots, WARM_UP)
        used = in_turns(bots, ANSWERS)
    p50s, p99s = ([percentile(bot.answers[WARM_UP:]) for bot in bots] for percentile in (p50, p99))
    promise = f"/status while {HANGING} logins hang, "
    yield from beside_both(promise + "p50", p50s)
    yield from beside_both(promise + "p99", p99s, ratio_at_most=1.5)
    yield from beside_both("  the processor's time for each", used)


def in_turns(bots: Sequence[Bot], times: int) -> list[float]:
    """The processor's time that each bot used for an answer, in milliseconds."""
    before = [processor_milliseconds(bot.process) for bot in bots]
    for _ in range(times):
        for bot in bots:
            bot.ask()
    return [(processor_milliseconds(bot.process) - begun) / times for bot, begun in zip(bots, before, strict=True)]


def beside_both(promise: str, milliseconds: Sequence[float], ratio_at_most: float | None = None) -> Iterator[Figure]:
    ours, echo, same = milliseconds
    yield Figure(promise, ours, "ms", echo, ECHO, ratio_at_most=ratio_at_most)
    yield Figure("  the same", ours, "ms", same, SAME)


def bare(sandbox: Sandbox) -> tuple[str, ...]:
    return "-m", "tests.benchmarks.echo", sandbox.telegram_url, TOKEN


def kunji(sandbox: Sandbox, config: Path) -> tuple[str, ...]:
    configure(sandbox, config)
    return "-c", AS_THE_SCRIPT, "--config", str(config), "run"


def last_said(sandbox: Sandbox) -> dict[str, object]:
    """What the last answer says and the buttons with it."""
    *_, message = sandbox.telegram.world.chats[CHAT].messages.values()
    return {"text": message.html, "reply_markup": message.markup}


@contextmanager
def started(sandbox: Sandbox, command: tuple[str, ...]) -> Iterator[tuple[Popen[bytes], float]]:
    """The bot, and after how many seconds it answered what was waiting for it."""
    before = sandbox.telegram.calls("sendMessage")
    sandbox.telegram.say(CHAT, "/status")
    begun = time.perf_counter()
    with running(*command) as process:
        sandbox.telegram.wait_calls("sendMessage", before + 1, timeout=20)
        yield process, time.perf_counter() - begun


def answered_after(sandbox: Sandbox, text: str) -> float:
    """Seconds. Calls are counted, as looking through the chat takes longer than the bot does."""
    before = sandbox.telegram.calls("sendMessage")
    begun = time.perf_counter()
    sandbox.telegram.say(CHAT, text)
    sandbox.telegram.wait_calls("sendMessage", before + 1, timeout=20)
    return time.perf_counter() - begun


def hang(sandbox: Sandbox) -> None:
    """All logins at once, and none is answered."""
    sandbox.dhan.hang(times=None)
    sandbox.telegram.say(CHAT, "/refresh all")
    sandbox.dhan.wait_calls("generateAccessToken", HANGING, timeout=20)


def configure(sandbox: Sandbox, config: Path) -> None:
    config.chmod(0o700)
    for number in range(HANGING):
        client = f"10000000{number:02d}"
        seed = base64.b32encode(b"benchmark%011d" % number).decode()
        sandbox.dhan.add_client(client, PIN, seed)
        account = {"client_id": client, "pin": PIN, "totp_secret": seed, "endpoints": sandbox.endpoints("dhan")}
        write(config / f"dhan-{number}_config.json", account)
    everybody = {
        "telegram_bot_token": TOKEN,
        "telegram_chat_id": CHAT,
        "telegram_api_url": sandbox.telegram_url,
    }
    write(config / "bot_config.json", everybody)
