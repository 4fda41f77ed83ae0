"""The bot in the chat, beside a bare echo bot: start, memory, and answers while logins hang.

Both run as processes of their own against the same stand-in for Telegram, whose own time is in both figures.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from bot.sandbox import TOKEN, Sandbox
from tests.benchmarks.harness import Figure, p50, p99, resident_mib, running
from tests.benchmarks.places import folder, write
from tests.benchmarks.process import AS_THE_SCRIPT

CHAT = 4242
ANSWERS = 300
WARM_UP = 20
HANGING = 10
STARTS = 3
PIN = "123456"


@dataclass(frozen=True, slots=True)
class Measured:
    start: float
    """Seconds."""
    memory: float
    """MiB."""
    answers: list[float]
    """Milliseconds."""


def figures() -> Iterator[Figure]:
    with Sandbox() as sandbox:
        echo = measured(sandbox, ("-m", "tests.benchmarks.echo", sandbox.telegram_url, TOKEN))
    with Sandbox() as sandbox, folder() as config:
        configure(sandbox, config)
        ours = measured(sandbox, ("-c", AS_THE_SCRIPT, "--config", str(config), "run"), hang)
    bare = "bare echo bot"
    yield Figure("start to first answer, p50", ours.start, "s", echo.start, bare, at_most=1)
    yield Figure("idle memory", ours.memory, "MiB", echo.memory, bare, ratio_at_most=2)
    while_ = f"/status while {HANGING} logins hang"
    yield Figure(f"{while_}, p50", p50(ours.answers), "ms", p50(echo.answers), bare)
    yield Figure(f"{while_}, p99", p99(ours.answers), "ms", p99(echo.answers), bare, ratio_at_most=1.5)


def measured(sandbox: Sandbox, command: tuple[str, ...], before: Callable[[Sandbox], None] | None = None) -> Measured:
    """`before`: what is done to the bot before its answers are timed."""
    starts = []
    for _ in range(STARTS):
        with started(sandbox, command) as (process, seconds):
            starts.append(seconds)
            time.sleep(1)
            memory = resident_mib(process)
    with started(sandbox, command):
        if before:
            before(sandbox)
        for _ in range(WARM_UP):
            answered_after(sandbox, "/status")
        answers = [answered_after(sandbox, "/status") * 1000 for _ in range(ANSWERS)]
    return Measured(p50(starts), memory, answers)


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
