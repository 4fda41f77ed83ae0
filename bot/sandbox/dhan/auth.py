"""The door `auth`: tokens by PIN and TOTP, and by consent in a browser.

Refusals of a login come with HTTP 200, as they do at Dhan.
"""

from __future__ import annotations

import html
import uuid
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bot.sandbox.bank import same
from bot.sandbox.dhan import replies
from bot.sandbox.dhan.bank import Bank, reply, sample
from bot.sandbox.dhan.clients import APP, Client, ConsentAsked
from bot.sandbox.front import Asked
from bot.sandbox.india import IST
from bot.sandbox.standin import Route

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Dhan (sandbox)</title><h1>Dhan (sandbox)</h1><p>{note}</p>
<form method="post"><input type="hidden" name="consentAppId" value="{consent}">
<p><label>client id <input name="dhanClientId" value="{client}"></label>
<p><label>PIN <input name="pin" type="password" inputmode="numeric"></label>
<p><label>authenticator code <input name="totp" inputmode="numeric" autocomplete="off"></label>
<p><button>log in</button></form>"""


class Auth:
    """Handlers. `bank` holds the clients, the clock and the rules."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def routes(self) -> list[Route]:
        consume = {"GET": self.consume, "POST": self.consume}
        page = {"GET": self.page, "POST": self.submit}
        return [
            Route("generateAccessToken", "/app/generateAccessToken", {"POST": self.generate}),
            Route("generate-consent", "/app/generate-consent", {"POST": self.ask_consent}),
            Route("consumeApp-consent", "/app/consumeApp-consent", consume),
            Route("consentApp-login", "/login/consentApp-login", page),
        ]

    def generate(self, asked: Asked) -> Response:
        for name in ("dhanClientId", "pin", "totp"):
            if not asked.query.get(name):
                return reply(replies.missing(name))
        with self._bank.lock:
            client = self._bank.clients.get(asked.query["dhanClientId"])
            if client is None:
                return sample("generate_access_token_error_login_failed")
            if refusal := self._refusal(client, asked.query["pin"], asked.query["totp"], self._bank.rules.order):
                return sample(refusal)
            client.minted_at = self._bank.unix()
            client.granted += 1
            return JSONResponse(replies.granted(client, self._bank.mint(client, APP)))

    def ask_consent(self, asked: Asked) -> Response:
        client_id = asked.query.get("client_id")
        if not client_id:
            return reply(replies.missing("client_id"))
        with self._bank.lock:
            client = self._app_owner(asked)
            if client is None or client.client_id != client_id:
                return sample("generate_consent_error_bad_app_inferred")
            now = self._bank.unix()
            if client.consents_on(datetime.fromtimestamp(now, IST).date()) >= self._bank.rules.consents_a_day:
                return sample("generate_consent_error_daily_cap_inferred")
            made = client.ask_consent(now)
        return JSONResponse({"consentAppId": made.id, "consentAppStatus": "GENERATED", "status": "success"})

    def consume(self, asked: Asked) -> Response:
        token_id = asked.query.get("tokenId")
        if not token_id:
            return reply(replies.missing("tokenId"))
        with self._bank.lock:
            owner = self._app_owner(asked)
            if owner is None:
                return sample("generate_consent_error_bad_app_inferred")
            now = self._bank.unix()
            consent = next((c for c in owner.consents if c.token_id == token_id), None)
            too_old = consent is None or now - consent.approved_at > self._bank.rules.token_id_seconds
            if consent is None or too_old or consent.used or consent.approved_by is None:
                return sample("consume_app_consent_error_token_id_inferred")
            consent.used = True
            client = self._bank.clients[consent.approved_by]
            client.granted += 1
            return JSONResponse(replies.granted(client, self._bank.mint(client, APP)))

    def page(self, asked: Asked) -> Response:
        consent = self._bank.consent(asked.query.get("consentAppId", ""))
        if consent is None or consent.token_id is not None:
            return HTMLResponse("<p>This link is not valid any more.</p>", 400)
        return _form(consent, "Log in to allow the app to trade.")

    def submit(self, asked: Asked) -> Response:
        form = asked.form()
        consent = self._bank.consent(form.get("consentAppId") or asked.query.get("consentAppId", ""))
        if consent is None or consent.token_id is not None:
            return HTMLResponse("<p>This link is not valid any more.</p>", 400)
        with self._bank.lock:
            client = self._bank.clients.get(form.get("dhanClientId", ""))
            order = ("blocked", "pin", "totp")
            if client is None or self._refusal(client, form.get("pin", ""), form.get("totp", ""), order):
                return _form(consent, "That was not right. Try again.")
            return RedirectResponse(self.approve(consent, client.client_id), 302)

    def approve(self, consent: ConsentAsked, by: str) -> str:
        """Log in on the page as that client; the address the browser lands on."""
        with self._bank.lock:
            owner = self._bank.clients[consent.client_id]
            for other in owner.consents:  # only one tokenId is live at a time
                other.used = other.used or other.token_id is not None
            consent.token_id, consent.approved_by = str(uuid.uuid4()), by
            consent.approved_at = self._bank.unix()
            return f"{(owner.redirect_url or '').rstrip('/')}/?{urlencode({'tokenId': consent.token_id})}"

    def _app_owner(self, asked: Asked) -> Client | None:
        """Whose API key and secret the headers hold."""
        key, secret = asked.headers.get("app_id", ""), asked.headers.get("app_secret", "")
        for client in self._bank.clients.values():
            if client.api_key and client.api_secret and same(client.api_key, key) and same(client.api_secret, secret):
                return client
        return None

    def _refusal(self, client: Client, pin: str, code: str, order: tuple[str, ...]) -> str | None:
        """The checks in their order; the first that refuses names its sample."""
        checks: dict[str, Callable[[], str | None]] = {
            "blocked": lambda: "generate_access_token_error_blocked_inferred" if client.blocked else None,
            "pin": lambda: self._wrong_pin(client, pin),
            "totp": lambda: self._wrong_code(client, code),
            "gap": lambda: self._too_soon(client),
        }
        for name in order:
            if refusal := checks[name]():
                return refusal
        client.refused_in_a_row = 0
        return None

    def _wrong_pin(self, client: Client, pin: str) -> str | None:
        return None if same(pin, client.pin) else self._refuse(client, "generate_access_token_error_invalid_pin")

    def _wrong_code(self, client: Client, code: str) -> str | None:
        if self._bank.take_code(client, code):
            return None
        return self._refuse(client, "generate_access_token_error_invalid_totp")

    def _too_soon(self, client: Client) -> str | None:
        gap = self._bank.rules.seconds_between_logins
        if client.minted_at is not None and self._bank.unix() - client.minted_at < gap:
            return "generate_access_token_error_rate_limited"
        return None

    def _refuse(self, client: Client, with_sample: str) -> str:
        client.refused_in_a_row += 1
        return self._bank.refuse(client, client.refused_in_a_row, with_sample)


def _form(consent: ConsentAsked, note: str) -> Response:
    asked = {"note": note, "consent": consent.id, "client": consent.client_id}
    return HTMLResponse(PAGE.format(**{name: html.escape(value) for name, value in asked.items()}))
