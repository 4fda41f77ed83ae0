from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import FLOORS, HIDDEN, TOKENS_KEPT, Redactor, register, set_up
from brokers import Secret

ROOT = Path(__file__).parents[2]
BOT_TOKEN = "123456789:AAExampleExampleExampleExampleExampl"
JWT = "eyJhbGciOiJIUzUxMiJ9.eyJkaGFuQ2xpZW50SWQiOiIxMTAwIn0.c2lnbmF0dXJlc2lnbmF0dXJl"

log = logging.getLogger("bot.somewhere")


@contextmanager
def logging_to(*secrets: str, level: int = logging.DEBUG, as_json: bool = False) -> Iterator[io.StringIO]:
    """The log as `set_up` makes it, put back afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, {name: logging.getLogger(name).level for name in FLOORS}
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    stream = io.StringIO()
    set_up(level, [Secret(secret) for secret in secrets], json=as_json, stream=stream)
    try:
        yield stream
    finally:
        logging.captureWarnings(False)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
        root.handlers[:], root.level = before[0], before[1]
        for name, earlier in before[2].items():
            logging.getLogger(name).setLevel(earlier)


# Secrets of any kind, but not such as could stand in a line of the log by chance ("some", "line").
ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), min_size=2, max_size=30)
SECRETS = ANYTHING.map(lambda text: f"§{text}§") | ANYTHING.map(lambda text: f"zQ{text}qZ")


def raised(secret: str) -> None:
    try:
        {}[secret]
    except KeyError as error:
        wrapped = ValueError(f"it is {secret}")
        wrapped.add_note(f"with {secret!r}")
        raise wrapped from error


def log_exception(secret: str) -> None:
    try:
        raised(secret)
    except ValueError:
        log.exception("it failed")


def log_earlier_text(secret: str) -> None:
    record = logging.LogRecord("bot.x", logging.ERROR, __file__, 1, "m", (), None)
    record.exc_text = f"Traceback: {secret}"
    log.handle(record)


def log_stack(secret: str) -> None:
    record = logging.LogRecord("bot.x", logging.ERROR, __file__, 1, "m", (), None)
    record.stack_info = f"Stack: {secret}"
    log.handle(record)


CARRIERS: dict[str, Callable[[str], None]] = {
    "message": lambda secret: log.warning(secret.replace("%", "%%")),
    "argument": lambda secret: log.warning("before %s after", secret),
    "repr": lambda secret: log.warning("before %r after", {"value": [secret]}),
    "address": lambda secret: log.warning("GET /x?v=%s&w=%s", quote(secret, safe=""), quote_plus(secret)),
    "query": lambda secret: log.warning("GET /x?%s", urlencode({"v": secret})),
    "json": lambda secret: log.warning("body %s", json.dumps({"v": secret})),
    "exception": log_exception,
    "earlier text": log_earlier_text,
    "stack": log_stack,
    "wrong arguments": lambda secret: log.warning("%d", secret),
}


@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
@pytest.mark.parametrize("carry", CARRIERS.values(), ids=CARRIERS.keys())
@given(secret=SECRETS)
def test_no_secret_is_in_the_log(carry: Callable[[str], None], as_json: bool, secret: str) -> None:
    with logging_to(secret, as_json=as_json) as stream:
        carry(secret)

    forms = {secret, quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1], json.dumps(secret)[1:-1]}
    assert stream.getvalue()
    assert [form for form in forms if form in stream.getvalue()] == []


@given(secret=SECRETS)
def test_a_secret_obtained_later_is_hidden_from_then_on(secret: str) -> None:
    with logging_to() as stream:
        register(Secret(secret))
        log.warning("got %s", secret)

    assert secret not in stream.getvalue()


@given(text=st.text(max_size=200))
def test_a_text_without_secrets_and_twice_redacted_is_as_once(text: str) -> None:
    redact = Redactor()
    redact.start_with([Secret("zQ-known-zQ")])

    assert redact(redact(text)) == redact(text)


def test_plain_lines_are_left_alone() -> None:
    plain = "dhan: logged in, 3 of 4 fresh, the pin was not asked for; totp 21 s left; access token expires 08:45"

    assert Redactor()(plain) == plain


@pytest.mark.parametrize(
    "text",
    [
        f"POST https://api.telegram.org/bot{BOT_TOKEN}/getUpdates",
        f"POST https://api.telegram.org/bot{quote(BOT_TOKEN, safe='')}/getUpdates",
        f"Bot[token={BOT_TOKEN}]",
        f"the token {JWT} is dead",
        f"the token {JWT[:40]} is cut",
        "/app/generateAccessToken?dhanClientId=1100&pin=4711&totp=042042",
        "https://127.0.0.1/?tokenId=4711-042042&status=ok",
        "https://127.0.0.1/callback?action=login&request_token=4711042042",
        "x?pin%3D4711%26totp%3D042042",
        "{'pin': '4711', \"totp\": \"042042\"}",
        "{'access-token': '4711042042', 'client-id': '1100'}",
        "access-token: 4711042042",
        "Authorization: token key:4711042042",
        "{'Authorization': 'Bearer 4711042042'}",
        "enctoken=4711042042; path=/",
        "password=4711&mpin=4711",
    ],
)
def test_what_looks_like_a_secret_is_hidden_though_nobody_registered_it(text: str) -> None:
    shown = Redactor()(text)

    assert HIDDEN in shown
    assert not any(part in shown for part in ("4711", "042042", "AAExample", JWT[:30]))


@given(pin=st.integers(1000, 9_999_999).map(str), beside=st.sampled_from([" ", "=", "a", "'", ":", "/", ""]))
def test_a_pin_is_hidden_where_it_stands_alone(pin: str, beside: str) -> None:
    redact = Redactor()
    redact.start_with([Secret(pin)])

    assert redact(f"x{beside}{pin}{beside}x") == f"x{beside}{HIDDEN}{beside}x"
    assert redact(f"9{pin} and {pin}9") == f"9{pin} and {pin}9"


def test_what_is_too_short_to_be_secret_does_not_blacken_the_log() -> None:
    redact = Redactor()
    redact.start_with([Secret(""), Secret("a"), Secret("123")])

    assert redact("a 123") == "a 123"


def test_a_secret_within_another_leaves_no_remains() -> None:
    redact = Redactor()
    redact.start_with([Secret("inner"), Secret("outer-inner-outer")])

    assert redact("outer-inner-outer inner") == f"{HIDDEN} {HIDDEN}"


def test_only_the_newest_obtained_secrets_are_remembered() -> None:
    redact = Redactor()
    for number in range(TOKENS_KEPT + 1):
        redact.register(Secret(f"token-{number}-"))

    assert redact("token-0-") == "token-0-"
    assert redact(f"token-{TOKENS_KEPT}- token-1-") == f"{HIDDEN} {HIDDEN}"


def test_threads_may_register_while_others_log() -> None:
    redact = Redactor()
    redact.start_with([Secret("always-secret")])
    seen: list[str] = []

    def register_many(start: int) -> None:
        for number in range(start, start + 50):
            redact.register(Secret(f"token-{number}-"))
            seen.append(redact(f"always-secret token-{number}-"))

    threads = [threading.Thread(target=register_many, args=(start,)) for start in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert set(seen) == {f"{HIDDEN} {HIDDEN}"}


# What a line looks like.


def test_a_line_says_when_in_ist_how_bad_who_and_what() -> None:
    with logging_to() as stream:
        record = logging.LogRecord("bot.app", logging.WARNING, __file__, 1, "clock is %d s off", (7,), None)
        record.created = 1_794_000_000.0
        log.handle(record)

    assert stream.getvalue() == "2026-11-07 02:50:00+05:30 WARNING bot.app: clock is 7 s off\n"


def test_foreign_text_can_neither_forge_a_line_nor_steer_the_terminal() -> None:
    with logging_to() as stream:
        log.warning("said %s", "hello\n2026-11-07 02:50:00+05:30 ERROR bot.app: forged\x1b[2J\r")

    lines = stream.getvalue().splitlines()
    assert lines[1].startswith("    2026")
    assert "\x1b" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_json_lines_are_one_object_each() -> None:
    with logging_to(as_json=True) as stream:
        log.warning("two\nlines")
        log_exception("why")

    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["level"], first["logger"], first["message"]) == ("warning", "bot.somewhere", "two\nlines")
    assert "ValueError: it is why" in second["exception"]


def test_a_json_line_says_when_in_ist_to_the_millisecond() -> None:
    with logging_to(as_json=True) as stream:
        record = logging.LogRecord("bot.app", logging.WARNING, __file__, 1, "clock is %d s off", (7,), None)
        record.created = 1_794_000_000.25
        log.handle(record)

    assert json.loads(stream.getvalue()) == {
        "time": "2026-11-07T02:50:00.250+05:30",
        "level": "warning",
        "logger": "bot.app",
        "message": "clock is 7 s off",
    }


@given(text=st.text(max_size=200), name=st.text(min_size=1, max_size=20))
def test_whatever_is_said_a_json_line_is_one_line_of_ascii_that_can_be_read(text: str, name: str) -> None:
    with logging_to(as_json=True) as stream:
        record = logging.LogRecord(name, logging.ERROR, __file__, 1, "said %s", (text,), None)
        record.stack_info = text
        log.handle(record)

    [line] = stream.getvalue().splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert {"time", "level", "logger", "message"} <= json.loads(line).keys()


def test_half_a_character_breaks_no_json_line() -> None:
    with logging_to(as_json=True) as stream:
        log.warning("said %s", "\ud800")

    assert json.loads(stream.getvalue())["message"] == "said \ud800"


def test_a_json_line_that_cannot_be_made_is_missed_in_json() -> None:
    with logging_to(as_json=True) as stream:
        log.warning("%d", "4711-4711")

    missed = json.loads(stream.getvalue())
    assert missed["level"] == "error"
    assert "is missing: TypeError" in missed["message"]
    assert "4711" not in stream.getvalue()


@given(secret=SECRETS)
def test_a_secret_is_in_no_value_of_a_json_line_not_even_in_the_loggers_name(secret: str) -> None:
    with logging_to(secret, as_json=True) as stream:
        record = logging.LogRecord(f"bot.{secret}", logging.ERROR, __file__, 1, "it is %s", (secret,), None)
        record.exc_text = f"ValueError: {json.dumps(secret)}"
        log.handle(record)

    values = json.loads(stream.getvalue()).values()
    assert [value for value in values if secret in value or json.dumps(secret)[1:-1] in value] == []


@pytest.mark.parametrize("name", FLOORS)
def test_libraries_stay_quiet_even_at_debug(name: str) -> None:
    with logging_to(level=logging.DEBUG) as stream:
        logging.getLogger(f"{name}.inner").debug("POST /bot%s", "chatter")
        log.debug("ours")

    assert "chatter" not in stream.getvalue()
    assert "ours" in stream.getvalue()


def test_a_quieter_level_holds_for_libraries_too() -> None:
    with logging_to(level=logging.ERROR) as stream:
        logging.getLogger("telegram.ext").warning("chatter")

    assert stream.getvalue() == ""


def test_a_line_that_cannot_be_made_is_missed_without_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to() as stream:
        log.warning("%d", "4711-4711")

    assert "is missing: TypeError" in stream.getvalue()
    assert "4711" not in stream.getvalue() + capsys.readouterr().err


def test_warnings_go_through_the_log() -> None:
    with logging_to("zQ-known-zQ") as stream, warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("about zQ-known-zQ", UserWarning, stacklevel=1)
        logging.captureWarnings(False)

    assert "UserWarning" in stream.getvalue()
    assert "zQ-known-zQ" not in stream.getvalue()


CRASH = """
import logging, threading, asyncio
from bot.logs import set_up
from brokers import Secret
secret = Secret("zQ-known-zQ")
set_up("DEBUG", [secret])
def fail(): raise ValueError("about " + secret.reveal())
async def fail_alone():
    task = asyncio.create_task(fail_soon())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
async def fail_soon(): fail()
class Bad:
    def __del__(self): fail()
{crash}
"""


@pytest.mark.parametrize(
    ("crash", "code"),
    [
        ("fail()", 1),
        ("thread = threading.Thread(target=fail, name='worker'); thread.start(); thread.join()", 0),
        ("asyncio.run(fail_alone())", 0),
        ("Bad()", 0),
    ],
    ids=["uncaught", "in a thread", "in a task nobody awaits", "in a destructor"],
)
def test_what_nobody_caught_is_logged_without_secrets(crash: str, code: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CRASH.format(crash=crash)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )

    assert ended.returncode == code
    assert "ValueError" in ended.stderr
    assert "zQ-known-zQ" not in ended.stderr + ended.stdout
