"""A trader with two accounts at each of four brokers, in every way to log in; and what such a person does."""

from __future__ import annotations

import re
from typing import Any

from bot.sandbox.angelone import AngelOne
from bot.sandbox.dhan import Dhan
from bot.sandbox.kotak import Kotak
from bot.sandbox.standin import Broker
from bot.sandbox.telegram.screen import Shown
from bot.sandbox.zerodha import LANDING, Zerodha
from tests.e2e.house import ADMIN, CLIENT, PATIENCE, WIFE, House

BY_THEMSELVES = {"dhan": CLIENT, "zerodha-web": "XY9876", "angelone": "T100042", "kotak": "ZT4K9"}
BY_LINK = {"dhan-wife": WIFE, "zerodha": "AB1234"}
BY_CODE = {"angelone-wife": "T100043", "kotak-wife": "ZT5K9"}
CLIENTS = BY_THEMSELVES | BY_LINK | BY_CODE
"""Every account, and the client it belongs to."""
LESS_THAN_A_BUTTON_LIVES = 250
PASSWORD = "Another/horse+9 & more"
NO_SUCH_TOKEN = "5b0f6a523c1d4c8e9a771f2e3d4c5b6a"


class Trader:
    def __init__(self, home: House) -> None:
        self.home = home
        self.telegram = home.sandbox.telegram
        home.auto()
        home.assisted()
        self._enrol_at_zerodha()
        self._enrol_at_angelone()
        self._enrol_at_kotak()

    def broker(self, account: str) -> Broker[Any]:
        return self.home.sandbox.brokers[account.partition("-")[0]]

    # Accounts

    def _enrol_at_zerodha(self) -> None:
        zerodha = self.broker("zerodha")
        assert isinstance(zerodha, Zerodha)
        zerodha.add_client("AB1234", "correct-horse", seed("A"))
        zerodha.add_client("XY9876", PASSWORD, seed("B"))
        own, other = ({"api_key": f"samplekey000000{n}", "api_secret": f"samplesecret00000000000{n}"} for n in (1, 2))
        for app in (own, other):
            zerodha.add_app(**app)
        self.home.write("zerodha_config.json", {"client_id": "AB1234"} | own)
        env = self.home.folder / ".env"
        env.touch(mode=0o600)
        env.write_text(f"KITE_PASSWORD='{PASSWORD}'\n")
        unofficial = {"login": "unofficial", "password": "${KITE_PASSWORD}", "redirect_url": LANDING}
        self.home.write(
            "zerodha-web_config.json", {"client_id": "XY9876", "totp_secret": seed("B")} | other | unofficial
        )

    def _enrol_at_angelone(self) -> None:
        angelone = self.broker("angelone")
        assert isinstance(angelone, AngelOne)
        for name, pin, letter in (("angelone", "7194", "C"), ("angelone-wife", "7195", "D")):
            client, key = CLIENTS[name], f"angel-key-7f3a91-{letter}"
            angelone.add_client(client, pin, seed(letter), key)
            more = {"totp_secret": seed(letter)} if name == "angelone" else {}
            self.home.write(f"{name}_config.json", {"client_id": client, "api_key": key, "pin": pin} | more)

    def _enrol_at_kotak(self) -> None:
        kotak = self.broker("kotak")
        assert isinstance(kotak, Kotak)
        for name, mpin, letter in (("kotak", "730251", "E"), ("kotak-wife", "730252", "F")):
            client, mobile, key = CLIENTS[name], f"+919{mpin}042", f"1f6a0c52-9b1d-4f0e-8a77-{letter}c2d9e3b4a60"
            kotak.add_client(client, mobile, mpin, seed(letter), key, pan=f"AAAPZ0000{letter}")
            more = {"totp_secret": seed(letter)} if name == "kotak" else {}
            basics = {"client_id": client, "mobile_number": mobile, "mpin": mpin, "consumer_key": key}
            self.home.write(f"{name}_config.json", basics | more)

    # What is done in the chat

    def says(self, text: str, about: str = "") -> Shown:
        """Say it, and wait for the end of it: a message about this account, or with this in it."""
        mark = self.telegram.mark()
        self.telegram.say(ADMIN, text)
        return self._told(about, mark)

    def presses(self, shown: Shown, about: str = "") -> Shown | None:
        """Press its first button; None if that did nothing."""
        mark = self.telegram.mark()
        query = self.telegram.press(ADMIN, shown.id, 0)
        return None if self.telegram.answer_to(query, PATIENCE).text else self._told(about, mark)

    def insists(self, account: str) -> Shown:
        """Ask for a new token, and take every risk."""
        self.home.sandbox.clock.advance(LESS_THAN_A_BUTTON_LIVES)
        shown = self.says(f"/refresh {account}", account)
        while any(words in shown.text for words in ("Refresh all the same?", "no further login")):
            # The bot learns of the new time a moment later; by the old one the button can be a used one.
            shown = self.presses(shown, account) or self.says(f"/refresh {account}", account)
        return shown

    def _told(self, about: str, after: int) -> Shown:
        of_itself = "the login was refused|the TOTP code was refused|refreshed by itself|please log in|I asked for"
        of_account = rf"(?:[✅❌🔑] )?{about}(?: has|: (?!{of_itself}))"
        told = re.compile(of_account if about in CLIENTS else f"(?!⏳)(?s:.*){re.escape(about)}")
        return self.telegram.wait_for(
            ADMIN, after=after, where=lambda shown: told.match(shown.text) is not None, timeout=PATIENCE
        )

    def right_answer(self, account: str) -> str:
        """What the broker gives a person for the login that is open."""
        if account in BY_CODE:
            return self.broker(account).code(CLIENTS[account])
        if account == "dhan-wife":
            return self.home.sandbox.dhan.approve(self.home.sandbox.dhan.consents(WIFE)[-1])
        zerodha = self.broker("zerodha")
        assert isinstance(zerodha, Zerodha)
        links = [b.url for s in self.telegram.transcript(ADMIN) for row in s.buttons for b in row if b.url]
        return zerodha.approve(next(link for link in reversed(links) if "/connect/login" in link), CLIENTS[account])

    def ends_token(self, account: str) -> None:
        """At the broker, without a reason anybody is told."""
        broker = self.broker(account)
        if isinstance(broker, Kotak):
            broker.kill_sessions(CLIENTS[account])
        elif isinstance(broker, Dhan | Zerodha | AngelOne):
            broker.kill_token(CLIENTS[account])


def wrong_answer(account: str) -> str:
    """Of the right form."""
    if account in BY_CODE:
        return "000000"
    if account == "dhan-wife":
        return f"https://trader.example/callback?tokenId={NO_SUCH_TOKEN}"
    return NO_SUCH_TOKEN


def seed(letter: str) -> str:
    """A TOTP secret of one's own."""
    return f"{letter}BSWY3DPEHPK3PXP{letter}BSWY3DPEHPK3PXP"
