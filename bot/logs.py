"""The log: one line a record on stderr, without secrets.

Secrets are taken out where the text is made, in the formatter, so that arguments, tracebacks and the words of other
people's libraries are covered. Nothing here knows what a secret is for.
"""

from __future__ import annotations

import html
import json
import logging
import re
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Protocol, TextIO
from urllib.parse import quote, quote_plus

from brokers import IST

log = logging.getLogger(__name__)

HIDDEN = "[…]"
SHORTEST = 4
"""Anything shorter is no secret, and hiding it would blacken the whole log."""
NUMBER_UP_TO = 8
TOKENS_KEPT = 1024

FLOORS = {
    "telegram": logging.INFO,  # at DEBUG it prints what people write, and the bot token
    "httpx": logging.WARNING,  # at INFO it prints addresses, and the bot token is part of them
    "httpcore": logging.WARNING,
    "urllib3": logging.WARNING,
    "requests": logging.WARNING,
    "requests_ratelimiter": logging.WARNING,  # at INFO it prints addresses with their queries
    "pyrate_limiter": logging.WARNING,
    "uvicorn.access": logging.WARNING,  # the address a login lands on carries a request token
    "asyncio": logging.INFO,
    "filelock": logging.WARNING,
    "schedule": logging.INFO,  # a line every second says nothing
}
"""Libraries are never let more talkative than this, whatever level is asked for."""

_NAMES = (
    r"m?pin|t?otp|totp_?secret|pass(?:word|wd)?|pwd|token_?id|(?:request|access|refresh|enc|auth|feed|bot)[-_]?token"
    r"|(?:api|app)[-_]?secret|auth[-_]?code|checksum"
)
_VALUE = r"""[^\s&"',;<>)\]}]+"""
_LOOKS_SECRET = (
    # A bot token has no word boundary before it in an address (/bot123:…), hence the look-behind.
    (re.compile(r"(?<!\d)\d{5,12}(?::|%3[Aa])[A-Za-z0-9_-]{25,}"), HIDDEN),
    (re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,4}"), HIDDEN),
    (re.compile(r"kr_[A-Za-z0-9_-]{40,}"), HIDDEN),  # a reader's key
    # pin=…, pin%3D…, 'pin': '…'
    (
        re.compile(rf"""(?i)(?<![a-z])((?:{_NAMES})(?:["']? ?(?:=|%3D) ?["']?|["'] ?: ?["']?)){_VALUE}"""),
        rf"\1{HIDDEN}",
    ),
    # Headers as they are printed: access-token: …, 'Authorization': 'token …'
    (
        re.compile(rf"""(?i)\b((?:access-token|authorization)["']? ?: ?["']?(?:(?:bearer|token) )?){_VALUE}"""),
        rf"\1{HIDDEN}",
    ),
)
_CONTROL = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), 0x2028, 0x2029), "\N{REPLACEMENT CHARACTER}")
"""Whoever writes to the bot must not colour, clear or forge what the reader of the log sees."""


class Revealing(Protocol):
    """A secret: it gives its text to those who ask."""

    def reveal(self) -> str: ...


class Redactor:
    """Takes secrets out of texts: the known ones however they are quoted, and what looks like one.

    Thread-safe. What it starts with is hidden for ever, what is registered later as long as it is among the newest.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[_Form, ...]] = {}
        self._newest: OrderedDict[str, tuple[_Form, ...]] = OrderedDict()
        self._forms: tuple[_Form, ...] = ()

    def start_with(self, secrets: Iterable[Revealing]) -> None:
        with self._lock:
            self._kept = {text: _forms(text) for text in (secret.reveal() for secret in secrets)}
            self._sort()

    def register(self, secret: Revealing) -> None:
        text = secret.reveal()
        with self._lock:
            self._newest[text] = self._newest[text] if text in self._newest else _forms(text)
            self._newest.move_to_end(text)
            while len(self._newest) > TOKENS_KEPT:
                self._newest.popitem(last=False)
            self._sort()

    def __call__(self, text: str) -> str:
        for form, number in self._forms:
            if form in text:
                text = number.sub(HIDDEN, text) if number else text.replace(form, HIDDEN)
        for pattern, instead in _LOOKS_SECRET:
            text = pattern.sub(instead, text)
        return text

    def _sort(self) -> None:
        """The longest first, so that a secret which contains another one is hidden whole."""
        every = {form for known in (self._kept, self._newest) for forms in known.values() for form in forms}
        self._forms = tuple(sorted(every, key=lambda form: len(form[0]), reverse=True))


_Form = tuple[str, re.Pattern[str] | None]
"""How a secret may stand in a text; for a short number also the pattern that finds it standing alone."""


def _forms(secret: str) -> tuple[_Form, ...]:
    if len(secret) < SHORTEST:
        return ()
    if secret.isdecimal() and len(secret) < NUMBER_UP_TO:
        return ((secret, re.compile(rf"(?<!\d){re.escape(secret)}(?!\d)")),)
    encoded = {quote(secret, safe="", errors="replace"), quote(secret, errors="replace")}
    encoded.add(quote_plus(secret, errors="replace"))
    quoted = {repr(secret)[1:-1], ascii(secret)[1:-1], secret.replace("\\", "\\\\").replace("'", "\\'")}
    as_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    in_html = {html.escape(secret), html.escape(secret, quote=False)}
    lower = {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), text) for text in encoded}
    return tuple((form, None) for form in {secret} | encoded | lower | quoted | as_json | in_html)


redact = Redactor()
"""The one every line of the log goes through."""


def register(secret: Revealing) -> None:
    """Hide this one too, from now on: a token that was just obtained, a code that was just made."""
    redact.register(secret)


def set_up(level: int | str, secrets: Iterable[Revealing], *, json: bool = False, stream: TextIO | None = None) -> None:
    """Log to stderr from now on, and through here only; also what nobody caught, in any thread, and warnings."""
    redact.start_with(secrets)
    handler = Stderr(stream or sys.stderr)
    handler.setFormatter(JsonLines() if json else Lines())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, floor in FLOORS.items():
        logging.getLogger(name).setLevel(max(floor, root.level))
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


class Lines(logging.Formatter):
    """For people and for journald: time, level, who, what."""

    def format(self, record: logging.LogRecord) -> str:
        text = "\n".join(filter(None, (redact(record.getMessage()), _trace(record))))
        # A text of several lines is indented, so that none of it can pass for a line of the log.
        text = text.translate(_CONTROL).replace("\n", "\n    ")
        return f"{_time(record).isoformat(' ', 'seconds')} {record.levelname} {record.name}: {text}"


class JsonLines(logging.Formatter):
    """For programs: one JSON object a line, in ASCII, so that no locale and no control character can break it."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": redact(record.name),
            "message": redact(record.getMessage()),
        }
        if trace := _trace(record):
            line["exception"] = trace
        return json.dumps(line)


class Stderr(logging.StreamHandler[TextIO]):
    """Says without its arguments that a line could not be made or written; the standard one prints them."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        reason = getattr(sys.exc_info()[0], "__name__", "an error")
        sentence = f"a line of the log is missing: {reason} at {record.pathname}:{record.lineno}"
        instead = logging.makeLogRecord({"name": __name__, "levelname": "ERROR", "msg": sentence})
        try:
            self.stream.write(self.format(instead) + self.terminator)
        except (OSError, ValueError):
            return


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, IST)


def _trace(record: logging.LogRecord) -> str:
    """The traceback and the stack of a record, redacted. Another handler may have left its own in exc_text."""
    text = ""
    if record.exc_info and record.exc_info[0]:
        text = "".join(traceback.format_exception(*record.exc_info))
    return redact("\n".join(filter(None, (text.rstrip() or record.exc_text, record.stack_info))))


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("the program ends by an error that nobody expected", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        name = args.thread.name if args.thread else "?"
        trace = (args.exc_type, args.exc_value, args.exc_traceback)
        log.error("the thread %s ends by an error that nobody expected", name, exc_info=trace)


def _unraisable(found: object) -> None:
    error = getattr(found, "exc_value", None)
    log.error("an error while an object was taken down (%s)", type(error).__name__)
