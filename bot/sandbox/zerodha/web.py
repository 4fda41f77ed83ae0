"""The door `web`: the login page, the calls it makes, and the redirects to the app's registered address."""

from __future__ import annotations

import html
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bot.sandbox.bank import same
from bot.sandbox.front import Asked
from bot.sandbox.standin import Route
from bot.sandbox.zerodha import replies
from bot.sandbox.zerodha.bank import Bank, sample
from bot.sandbox.zerodha.clients import Client, Connect, WebSession, made

FORM = "application/x-www-form-urlencoded"
HEAD = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Kite (sandbox)</title><h1>Kite (sandbox)</h1><p>{note}</p>"""
LOGIN_PAGE = f"""{HEAD}<form method="post"><input type="hidden" name="sess_id" value="{{connect}}">
<p><label>user id <input name="user_id"></label>
<p><label>password <input name="password" type="password"></label>
<p><label>authenticator code <input name="twofa_value" inputmode="numeric" autocomplete="off"></label>
<p><button>log in</button></form>"""
CONSENT_PAGE = f"""{HEAD}<form method="post" action="/connect/finish">
<input type="hidden" name="sess_id" value="{{connect}}"><input type="hidden" name="api_key" value="{{key}}">
<input type="hidden" name="authorize" value="{{authorize}}"><p><button>authorize</button></form>"""


class Web:
    """Handlers. `bank` holds the users, the clock and the rules."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def routes(self) -> list[Route]:
        return [
            Route("login", "/api/login", {"POST": self.login}),
            Route("twofa", "/api/twofa", {"POST": self.twofa}),
            Route("connect-session", "/api/connect/session", {"GET": self.describe}),
            Route("connect-login", "/connect/login", {"GET": self.connect, "POST": self.submit}),
            Route("authorize", "/connect/authorize", {"GET": self.authorize}),
            Route("finish", "/connect/finish", {"GET": self.finish, "POST": self.consent}),
        ]

    # The page's own calls

    def login(self, asked: Asked) -> Response:
        form = form_of(asked)
        for name in ("user_id", "password"):
            if not form.get(name):
                return reply(replies.missing(name))
        with self._bank.lock:
            client = self._bank.clients.get(form["user_id"].upper())
            refusal = self._bank.password_refused(client, form["password"])
            if client is None or refusal:
                return sample(refusal or "web_login_error_bad_password")
            request_id = made(64)
            self._bank.begun[request_id] = client.client_id
            return JSONResponse(replies.begun(client, request_id))

    def twofa(self, asked: Asked) -> Response:
        form = form_of(asked)
        for name in ("user_id", "request_id", "twofa_value"):
            if not form.get(name):
                return reply(replies.missing(name))
        with self._bank.lock:
            client = self._bank.clients.get(form["user_id"].upper())
            if client is None or self._bank.begun.get(form["request_id"]) != client.client_id:
                return reply((400, replies.error("InputException", "Invalid `request_id`.")))
            if refusal := self._wrong_type(client, form) or self._bank.code_refused(client, form["twofa_value"]):
                return sample(refusal)
            del self._bank.begun[form["request_id"]]
            return with_cookies(sample("web_twofa_success"), self._bank.web_session(client))

    def _wrong_type(self, client: Client, form: dict[str, str]) -> str | None:
        kind = form.get("twofa_type")
        if kind is None:
            return None if self._bank.rules.twofa_type_may_be_missing else "web_twofa_error_type_unavailable"
        if kind not in client.twofa_types:
            return "web_twofa_error_type_unavailable"
        return None if kind == "totp" else "web_twofa_error_invalid_app_code"

    def describe(self, asked: Asked) -> Response:
        connect = self._connect_of(asked.query)
        return JSONResponse(replies.success({"api_key": connect.api_key})) if connect else reply(replies.wrong_key())

    # The pages

    def connect(self, asked: Asked) -> Response:
        with self._bank.lock:
            if asked.query.get("api_key", "") not in self._bank.apps:
                return reply(replies.wrong_key())
            connect = self._connect_of(asked.query)
            if connect is None:
                connect = self.opened(asked.query)
                session = self._session(asked)
                if session is None:
                    return self._on("/connect/login", connect)
                return self._logged_in(session, connect)
            return page(LOGIN_PAGE, note="Log in to continue to the app.", connect=connect.id)

    def submit(self, asked: Asked) -> Response:
        """A person's login in a browser: password and code in one go."""
        form = form_of(asked)
        with self._bank.lock:
            connect = self._connect_of({**asked.query, **form})
            client = self._bank.clients.get(form.get("user_id", "").upper())
            if connect is None:
                return HTMLResponse("<p>This page is too old.</p>", 400)
            wrong = self._bank.password_refused(client, form.get("password", ""))
            if client is None or wrong or self._bank.code_refused(client, form.get("twofa_value", "")):
                return page(LOGIN_PAGE, note="That was not right. Try again.", connect=connect.id)
            session = self._bank.web_session(client)
            return with_cookies(self._logged_in(session, connect), session)

    def authorize(self, asked: Asked) -> Response:
        session, connect = self._session(asked), self._connect_of(asked.query)
        if session is None or connect is None:
            return HTMLResponse("<p>This page is too old.</p>", 400)
        note = "Allow this app to see your account and to trade?"
        return page(CONSENT_PAGE, note=note, connect=connect.id, key=connect.api_key, authorize=session.public_token)

    def finish(self, asked: Asked) -> Response:
        with self._bank.lock:
            session, connect = self._session(asked), self._connect_of(asked.query)
            if session is None or connect is None:
                return HTMLResponse("<p>This page is too old.</p>", 400)
            client = self._bank.clients[session.user_id]
            if connect.api_key not in client.consented:
                return self._on("/connect/authorize", connect)
            return RedirectResponse(self._bank.land(client, connect), 302)

    def consent(self, asked: Asked) -> Response:
        form = form_of(asked)
        with self._bank.lock:
            session, connect = self._session(asked), self._connect_of(form)
            if session is None or connect is None or not same(form.get("authorize", ""), session.public_token):
                return reply((403, replies.error("PermissionException", "Invalid `authorize`.")))
            client = self._bank.clients[session.user_id]
            client.consented.add(connect.api_key)
            return RedirectResponse(self._bank.land(client, connect), 302)

    def opened(self, query: Mapping[str, str]) -> Connect:
        """A login page opened by the query of its address."""
        connect = Connect(made(), query.get("api_key", ""), dict(parse_qsl(query.get("redirect_params", ""))))
        self._bank.connects[connect.id] = connect
        return connect

    def _logged_in(self, session: WebSession, connect: Connect) -> Response:
        allowed = connect.api_key in self._bank.clients[session.user_id].consented
        return self._on("/connect/finish" if allowed else "/connect/authorize", connect)

    def _on(self, path: str, connect: Connect) -> Response:
        query = urlencode({"api_key": connect.api_key, "sess_id": connect.id})
        return RedirectResponse(f"{self._base()}{path}?{query}", 302)

    def _base(self) -> str:
        return "" if self._bank.rules.relative_locations else self._bank.web_address()

    def _connect_of(self, told: Mapping[str, str]) -> Connect | None:
        found = self._bank.connects.get(told.get("sess_id", ""))
        return found if found and told.get("api_key", found.api_key) == found.api_key else None

    def _session(self, asked: Asked) -> WebSession | None:
        cookies = dict(part.strip().partition("=")[::2] for part in asked.headers.get("cookie", "").split(";"))
        session = self._bank.sessions.get(cookies.get("enctoken", "").strip('"'))
        if session is None or cookies.get("kf_session") != session.kf_session:
            return None
        return session


def form_of(asked: Asked) -> dict[str, str]:
    """Nothing, where the body is in another encoding."""
    return asked.form() if asked.headers.get("content-type", "").startswith(FORM) else {}


def with_cookies(response: Response, session: WebSession) -> Response:
    values = {
        "kf_session": session.kf_session,
        "user_id": session.user_id,
        "public_token": session.public_token,
        "enctoken": session.enctoken,
    }
    for name, value in values.items():
        response.headers.append("set-cookie", f"{name}={value}; Path=/; HttpOnly")
    return response


def page(template: str, **told: str) -> Response:
    return HTMLResponse(template.format(**{name: html.escape(value) for name, value in told.items()}))


def reply(answer: tuple[int, object]) -> Response:
    return JSONResponse(answer[1], answer[0])
