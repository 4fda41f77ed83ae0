"""What the bot says by itself."""

from __future__ import annotations

from datetime import timedelta

from handlers import text
from tests.messages.occasion import EARLIER, LATER, MIDNIGHT, NOW, TOMORROW, Alert, iso, told, told_together

EXPIRES, EXPIRED, NEXT = iso(LATER), iso(EARLIER), iso(NOW + timedelta(hours=1))
ORDER = {"symbol": "TCS", "side": "BUY", "quantity": 4, "filled": 4, "price": "3346", "average_price": "3345.8"}
REFUSED = "Kotak Neo refused the MPIN"
NOT_FROM_HERE = {
    "ok": False,
    "problem": "orders are not allowed from this address",
    "orders_allowed": False,
    "address": "203.0.113.42",
}
READY = {"ok": True, "client_id": "1000000001", "expires_at": iso(TOMORROW), "available": "98440.5"}

WARNINGS = (
    told("two hours before a token expires", "warning", expires_at=EXPIRES, login="auto", next_login=NEXT),
    told("a login is due", "warning", expires_at=EXPIRES, login="auto", next_login=iso(NOW)),
    told("by hand, later", "warning", "zerodha", expires_at=EXPIRES, login="assisted", next_login=NEXT),
    told("by hand, now", "warning", "zerodha", expires_at=EXPIRES, login="assisted", refresh_helps=True),
    told("nothing is planned", "warning", expires_at=EXPIRES, login="auto", refresh_helps=True),
    told("refreshing gains nothing yet", "warning", expires_at=EXPIRES, login="auto"),
    told("a refusal holds logins back", "warning", expires_at=EXPIRES, login="auto", held_back="Dhan refused the PIN"),
    told("a paused account", "warning", expires_at=EXPIRES, login="auto", paused=True, refresh_helps=True),
    told("a token expired", "expired", expires_at=EXPIRED, login="auto", next_login=NEXT),
    told("by hand, now", "expired", "zerodha", expires_at=EXPIRED, login="assisted", next_login=iso(NOW)),
    told("a refusal holds logins back", "expired", expires_at=EXPIRED, login="auto", held_back="Dhan refused the PIN"),
    told("and it is not known when", "expired", login="auto"),
    told("the broker ended a token", "dead", expires_at=EXPIRES, login="auto"),
    told("of an account for which you log in", "dead", "zerodha", login="assisted"),
    told("and a refusal holds logins back", "dead", expires_at=EXPIRES, held_back="Dhan refused the PIN"),
    told("please log in", "ask", "zerodha", nth=1),
    told("asked again; the token expired", "ask", "zerodha", expires_at=EXPIRED, nth=3),
    told("it does not last", "ask", "zerodha", expires_at=EXPIRES, nth=1),
    told("for the last time before trading starts", "ask", "zerodha", nth=5, last=True),
    told("a refused code holds logins back", "ask", "kotak", nth=1, held_back="Kotak Neo refused the TOTP code"),
)

REFRESHES = (
    told("a login by itself", "refreshed", expires_at=iso(MIDNIGHT), who="schedule"),
    told("a login by a command on the machine", "refreshed", expires_at=iso(MIDNIGHT), who="command line"),
    told("a refused login", "refused", reason="Dhan refused the PIN"),
    told("while the earlier token lives", "refused", reason="Dhan refused the PIN", expires_at=EXPIRES),
    told("just as it expired", "refused", reason="Dhan refused the PIN", expires_at=EXPIRED),
    told("a refused code", "refused", reason="Dhan refused the TOTP code", code=True),
    told("the bot was killed in the middle", "refused", cut_off=True),
    told("no answer for ten minutes", "unreachable", since=EXPIRED, reason="Dhan could not be reached"),
    told("and nobody knows since when", "unreachable", reason="Dhan could not be reached"),
    told("the broker is back", "reachable", since=EXPIRED),
    told("another program logged in", "intruder", replaced=True),
    told("another program logged in again", "intruder", replaced=False),
    told("somebody else's login", "wrong_client"),
    told("a command failed", "hook_failed", why="ended with 1"),
    told("a file could not be written", "sink_failed", reason="strategy.env could not be written: no space left"),
)

MORNING = (
    told_together(
        "every account is ready",
        [
            Alert("proof", "dhan", READY | {"orders_allowed": True, "address": "203.0.113.42"}),
            Alert("proof", "kotak", READY | {"held_back": REFUSED}),
            Alert("proof", "zerodha", {"ok": True, "paused": True}),
        ],
    ),
    told_together(
        "some are not",
        [
            Alert("proof", "dhan", READY | NOT_FROM_HERE),
            Alert("proof", "zerodha", {"ok": False, "problem": "there is no live token"}),
            Alert("proof", "kotak", {"ok": False, "problem": "there is no live token", "held_back": REFUSED}),
            Alert("proof", "angelone", {"ok": False, "problem": "Angel One could not be reached"}),
            Alert("proof", "dhan-wife", READY),
        ],
    ),
    told("orders come from elsewhere", "order_address", before="203.0.113.1", now="203.0.113.42", allowed=True),
    told("and are not taken", "order_address", before="203.0.113.1", now="203.0.113.42", allowed=False),
    told("and the broker does not say", "order_address", before="203.0.113.1", now="203.0.113.42"),
)

ORDERS = (
    told("an order was filled", "order_filled", **ORDER),
    told("partly, at an unknown side", "order_filled", **ORDER | {"filled": 2, "side": ""}),
    told("rejected", "order_rejected", **ORDER | {"filled": 0, "reason": "Insufficient funds."}),
    told("rejected without a reason", "order_rejected", **ORDER | {"filled": 0, "side": "SELL", "price": None}),
    told("cancelled", "order_cancelled", **ORDER | {"filled": 0, "side": "SELL"}),
    told("cancelled when part of it was done", "order_cancelled", **ORDER | {"filled": 2}),
    told("the order book cannot be read", "orders_unread", reason="Dhan could not be reached"),
)

OF_THE_BOT = (
    told("the clock", "clock", None, seconds=95.0),
    told("too far off to correct for", "clock", None, seconds=-900.0),
    told("and it is not known how far", "clock", None),
    told("the clock of one of several machines", "clock", None, seconds=95.0, machine="vps-2"),
    told("a stranger", "stranger", None, count=1),
    told("several", "stranger", None, count=4),
    told("a second bot", "second_poller", None),
    told("a foreign webhook", "second_poller", None, webhook=True),
    told("it is gone", "second_poller_gone", None),
    told("another machine took over", "took_over", None, by="vps-2", before="vps-1"),
    told("the config changed", "config_changed", None, files="dhan_config.json"),
    told("the disk", "store", None, fault="the disk is full"),
    told("locked on the machine", "locked", None),
    told("unlocked", "unlocked", None),
    told_together(
        "several at once",
        [
            Alert("expired", "dhan", {"expires_at": EXPIRED, "login": "auto", "next_login": NEXT}),
            Alert("expired", "kotak", {"expires_at": EXPIRED, "login": "auto", "next_login": NEXT}),
            Alert("unreachable", "angelone", {"since": EXPIRED, "reason": "Angel One could not be reached"}),
        ],
    ),
    told_together("late", [Alert("reachable", "dhan", {})], late=timedelta(hours=3)),
    told_together(
        "late, and it may have come before",
        [Alert("reachable", "dhan", {})],
        late=timedelta(hours=3),
        repeat=True,
        why=text.Why.AWAY,
    ),
)
