"""Knows every secret of a house, and looks for it wherever somebody else could read."""

from __future__ import annotations

import base64
import html
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot.sandbox import totp
from bot.sandbox.angelone import AngelOne
from bot.sandbox.dhan import Dhan
from bot.sandbox.kotak import Kotak
from bot.sandbox.zerodha import Zerodha
from bot.store import open_store
from tests.e2e.house import STRANGER, House

LOOKS_EVERY = 0.05
SHORT = 8
"""A number up to here may be part of another one by chance: it is looked for where it stands alone."""
UNLIKELY = 6
"""So many characters of base64 stand nowhere by chance."""
FILES_FOR_SECRETS = re.compile(r".*_config\.json|\.env|kunji\.key")
PRINT_SECRETS = ("token", "env", "totp")
"""Commands whose stdout is the secret that was asked for."""
SHOWS_A_CODE = "then I delete this message"


class Hunt:
    """Looks at the processes while it is entered; `found` looks everywhere else."""

    def __init__(self, home: House) -> None:
        self.home = home
        self.secrets: dict[str | bytes, str] = {}
        """And what each of them is."""
        self._printed: list[tuple[str, str]] = []
        self._processes: dict[str, str] = {}
        self._ours: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Hunt:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join(10)

    # What there is to find

    def know(self, what: str, *secrets: str | bytes | None) -> None:
        self.secrets |= {secret: what for secret in secrets if secret}

    def kinds(self) -> set[str]:
        return set(self.secrets.values())

    def learn(self) -> None:
        """Everything that was granted until now; what has ended at a broker is forgotten there."""
        brokers = self.home.sandbox.brokers.values()
        for broker in brokers:
            with broker.lock:
                for client in broker.bank.clients.values():
                    seed = client.totp_secret
                    self.know("TOTP secret", seed)
                    self.know("TOTP code", *(totp.code_in(seed, window) for window in client.used_windows))
                LEARN[type(broker)](self, broker)
        self.know("bot token", self.home.sandbox.telegram.token)
        if (self.home.folder / ".kunji" / "kunji.key").exists():
            self._learn_of_the_store()

    def _learn_of_the_store(self) -> None:
        text = (self.home.folder / ".kunji" / "kunji.key").read_text().strip()
        self.know("store's key", text, base64.urlsafe_b64decode(text))
        store = open_store(self.home.folder, environment={})
        try:
            self.know("key of the buttons", store.derive("buttons"))
            self.know("salt of the fingerprints", salt.reveal() if (salt := store.bot_note().salt) else None)
        finally:
            store.close()

    # Where it may stand

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """A command, whose output is looked at, too."""
        done = self.home.run(*words, given=given)
        self._printed.append((f"stderr of {words[0]}", done.stderr))
        if words[0] not in PRINT_SECRETS:
            self._printed.append((f"stdout of {words[0]}", done.stdout))
        return done

    def found(self) -> list[str]:
        """What stands where."""
        self.learn()
        patterns = [(what, pattern(secret)) for secret, what in self.secrets.items()]
        return sorted(
            {
                f"{what} in {where}"
                for where, text in self._places()
                for what, looks in patterns
                if looks.search(text) and not may_be_shown(what, where, text)
            }
        )

    def _places(self) -> Iterator[tuple[str, str]]:
        yield from self._printed
        yield from self._processes.items()
        yield from self._chats()
        above = self.home.folder.parent
        for path in above.rglob("*"):
            if path.is_file() and not FILES_FOR_SECRETS.fullmatch(path.name):
                yield str(path.relative_to(above)), path.read_bytes().decode("latin-1")

    def _chats(self) -> Iterator[tuple[str, str]]:
        """All the bot ever said, also what is edited or deleted by now; and what people said that is still there."""
        world = self.home.sandbox.telegram.world
        for event in self.home.sandbox.telegram.events():
            if event.what in ("sent", "edited"):
                yield f"a message of chat {event.chat}", f"{event.text} {event.buttons}"
        for query in list(world.queries.values()):
            yield "a toast", query.text
        for chat in list(world.chats.values()):
            for message in list(chat.messages.values()):
                where = f"a message of chat {chat.id}"
                if message.sender == world.bot:
                    yield where, f"{message.html} {json.dumps(message.markup)}"
                elif not message.deleted and chat.id != STRANGER:
                    yield f"what was sent to the bot in chat {chat.id}", message.text
        yield "a menu", str(world.commands)

    def _watch(self) -> None:
        while not self._over.wait(LOOKS_EVERY):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):  # it ended meanwhile, or is another user's
                    self._look_at(process)

    def _look_at(self, process: Path) -> None:
        """Whether it is the bot, a command, or what one of these began."""
        environment = (process / "environ").read_bytes()
        parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
        if parent in self._ours or f"KUNJI_CONFIG={self.home.folder}".encode() in environment.split(b"\0"):
            self._ours.add(process.name)
            told = (process / "cmdline").read_bytes().decode("latin-1")
            self._processes[f"environment of process {process.name}"] = environment.decode("latin-1")
            self._processes[f"command line of process {process.name}, {len(told)} characters"] = told


def may_be_shown(what: str, where: str, text: str) -> bool:
    """A code where it was asked for; the key of an app as part of a login link."""
    if what == "TOTP code":
        return where.startswith("a message") and SHOWS_A_CODE in text
    return what == "API key" and "/connect/login?" in text and where.startswith(("a message", "stderr of refresh"))


def pattern(secret: str | bytes) -> re.Pattern[str]:
    """Finds it as it is, quoted for an address, for HTML, for JSON or by `repr`, as hexadecimals, and in base64 also
    inside something longer."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    text = raw.decode("latin-1") if isinstance(secret, bytes) else secret
    long = [part for part in in_base64(raw) if len(part) >= UNLIKELY]
    if text.isdecimal() and len(text) <= SHORT:
        whole = base64.b64encode(raw).decode().rstrip("=")
        alone = rf"(?:(?<![A-Za-z0-9.])|(?<=%[0-9A-F]{{2}}))(?:{text}|{raw.hex()}|{whole})(?![A-Za-z0-9])"
        return re.compile("|".join([alone, *map(re.escape, long)]))
    once = quote(raw, safe="")
    forms = {text, once, quote(once, safe=""), html.escape(text), repr(text)[1:-1], json.dumps(text)[1:-1]}
    forms |= {raw.hex(), raw.hex().upper(), *long}
    return re.compile("|".join(re.escape(form) for form in sorted(forms)))


def in_base64(raw: bytes) -> Iterator[str]:
    """What its base64 always has, however many bytes stand before and after it."""
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(bytes(before) + raw).decode()[-(-8 * before // 6) : 8 * (before + len(raw)) // 6]


def _of_dhan(hunt: Hunt, dhan: Dhan) -> None:
    for client in dhan.bank.clients.values():
        hunt.know("PIN", client.pin)
        hunt.know("API secret", client.api_secret)
        hunt.know("API key", client.api_key)
        hunt.know("request token", *(consent.token_id for consent in client.consents))
        hunt.know("thing that is private", client.ucc)
    hunt.know("access token", *dhan.bank.issued)


def _of_zerodha(hunt: Hunt, zerodha: Zerodha) -> None:
    bank = zerodha.bank
    hunt.know("password", *(client.password for client in bank.clients.values()))
    hunt.know("API key", *bank.apps)
    hunt.know("API secret", *(app.secret for app in bank.apps.values()))
    hunt.know("access token", *bank.tokens)
    hunt.know("public token", *(token.public for token in bank.tokens.values()))
    hunt.know("request token", *bank.request_tokens, *bank.begun)
    for session in bank.sessions.values():
        hunt.know("session of the web", session.enctoken, session.kf_session, session.public_token)
    hunt.know("thing that is private", "sample@example.com")


def _of_angelone(hunt: Hunt, angelone: AngelOne) -> None:
    for client in angelone.bank.clients.values():
        hunt.know("PIN", client.pin)
        hunt.know("API key", client.api_key)
        for session in client.sessions:
            hunt.know("access token", session.access)
            hunt.know("refresh token", session.refresh)
            hunt.know("feed token", session.feed)


def _of_kotak(hunt: Hunt, kotak: Kotak) -> None:
    for client in kotak.bank.clients.values():
        hunt.know("PIN", client.mpin)
        hunt.know("API key", client.consumer_key)
        hunt.know("thing that is private", client.mobile_number.removeprefix("+91"), client.pan)
        for session in client.sessions:
            hunt.know("access token", session.token)
            hunt.know("part of a session", session.sid, session.rid)


LEARN: dict[type, Any] = {Dhan: _of_dhan, Zerodha: _of_zerodha, AngelOne: _of_angelone, Kotak: _of_kotak}
