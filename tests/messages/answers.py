"""What the bot answers to commands, and what it asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers import (
    BrokerUnreachable,
    Code,
    CodeRejected,
    Consent,
    End,
    Funds,
    Holding,
    KunjiError,
    LoginRejected,
    Order,
    Position,
    Secret,
)
from handlers import COMMANDS, text
from handlers.text.accounts import OUTCOMES, WAYS, WHO
from handlers.tokens import AccountStatus, Crew, Health, LoggedOut, OrderBook, Portfolio, Refreshed, State
from tests.messages.occasion import EARLIER, LATER, LINK, MIDNIGHT, NOW, TOMORROW, Occasion

REFUSED = LoginRejected("Dhan refused the PIN")
SILENT = BrokerUnreachable("Kotak Neo could not be reached")
CODE_REFUSED = CodeRejected(
    "Kotak Neo refused the TOTP code", hint="was it this account's, and did your app still show it when you sent it?"
)


@dataclass(frozen=True, slots=True)
class Row:
    """Of the history."""

    who: str = "schedule"
    way: str = "login"
    outcome: str = "granted"
    at: datetime = EARLIER
    seconds: float = 1.5


GOOD = AccountStatus(
    "dhan", "Dhan", "auto", State.FRESH, TOMORROW, True, Row(), TOMORROW, None, None, None, consent_open=False
)
HELD_BACK = replace(GOOD, held_back=str(REFUSED))
TYPES = replace(GOOD, account="kotak", broker="Kotak Neo", login="assisted", state=State.EXPIRED, expires_at=EARLIER)
HANDS_ON = replace(GOOD, account="zerodha", broker="Zerodha", login="assisted")
WELL = Health(EARLIER, NOW - timedelta(seconds=3), 0.2, None, (TOMORROW, "dhan"), 0, 0, second_poller=False)
ILL = Health(EARLIER, EARLIER, 95.0, "the disk is full", None, alerts_waiting=2, alerts_parked=1, second_poller=True)


def status(when: str, **changes: object) -> Occasion:
    return Occasion(when, text.status([replace(GOOD, **changes)], NOW))  # type: ignore[arg-type]


START = (
    Occasion(
        "`/start` of an admin",
        text.start(["dhan"], ["zerodha"], [GOOD, HANDS_ON], WELL, locked=False, now=NOW),
        ("Refresh dhan", "Status"),
    ),
    Occasion(
        "of an admin with several accounts",
        text.start(
            ["dhan", "zerodha", "kotak", "dhan-wife", "angelone", "kotak-wife"],
            [],
            [
                GOOD,
                replace(HANDS_ON, state=State.EXPIRED, expires_at=EARLIER, consent_open=True),
                replace(GOOD, account="kotak", state=State.MISSING, expires_at=None, held_back=str(REFUSED)),
                replace(GOOD, account="dhan-wife", state=State.PAUSED),
                replace(GOOD, account="angelone", state=State.REJECTED),
                replace(GOOD, account="kotak-wife", state=State.PAUSED, expires_at=None),
            ],
            WELL,
            locked=False,
            now=NOW,
        ),
        ("Refresh dhan", "Refresh zerodha", "Refresh kotak", "…", "Status"),
    ),
    Occasion("of a viewer", text.start([], ["dhan"], [GOOD], WELL, locked=False, now=NOW), ("Status",)),
    Occasion(
        "`/start` while the bot is locked and much is wrong",
        text.start(["dhan"], [], [replace(GOOD, state=State.REJECTED)], ILL, locked=True, now=NOW),
    ),
    Occasion(
        "`/start` just after the bot was started",
        text.start(["dhan"], [], [GOOD], replace(WELL, telegram_at=None, clock_error=None), locked=False, now=NOW),
    ),
    Occasion("`/start` with a clock that is fast", text.start([], [], [], replace(WELL, clock_error=-9.0), False, NOW)),
    Occasion("`/help`", text.help_(COMMANDS)),
    Occasion("while the bot is locked", text.help_([one for one in COMMANDS if not one.guarded], locked=True)),
)

STATUS = (
    status("`/status`: in order"),
    Occasion("asked for a login by hand", text.status([replace(HANDS_ON, next_login=NOW)], NOW)),
    status("no token yet", state=State.MISSING, expires_at=None, last_refresh=None, next_login=NOW),
    status("expires soon", state=State.EXPIRING, expires_at=LATER, proven=False),
    status("expired", state=State.EXPIRED, expires_at=MIDNIGHT - timedelta(days=1), last_refresh=None, next_login=NOW),
    status("the broker ended the token", state=State.REJECTED, consent_open=True),
    status("paused", state=State.PAUSED),
    status("paused, and there is no token", state=State.PAUSED, expires_at=None),
    status("after a refused login", state=State.EXPIRED, expires_at=EARLIER, held_back=str(REFUSED)),
    Occasion("while the bot is locked", text.status([GOOD], NOW, locked=True)),
    Occasion(
        "told to a viewer",
        text.status(
            [
                replace(GOOD, state=State.EXPIRED, expires_at=EARLIER, held_back=str(REFUSED)),
                replace(HANDS_ON, next_login=NOW, consent_open=True),
                replace(GOOD, account="dhan-wife", state=State.PAUSED),
            ],
            NOW,
            viewed=["dhan", "zerodha", "dhan-wife"],
        ),
    ),
    status("after a failure that was not a refusal", last_failure=str(SILENT), last_failure_at=NOW),
    status("while the broker does not answer", unreachable_since=EARLIER),
    Occasion(
        "nobody logged in before trading",
        text.status([replace(HANDS_ON, state=State.EXPIRED, expires_at=EARLIER)], NOW),
    ),
    Occasion(
        "more than eight accounts",
        text.status(
            [
                replace(GOOD, account="dhan-wife", state=State.EXPIRED, expires_at=EARLIER),
                *(replace(GOOD, account=f"dhan-{number}") for number in range(1, 9)),
            ],
            NOW,
        ),
    ),
    Occasion(
        "tokens that outlive the day",
        text.status(
            [
                replace(GOOD, account=f"dhan-{days}", expires_at=MIDNIGHT + timedelta(days=days), next_login=None)
                for days in range(4)
            ],
            NOW,
        ),
    ),
    Occasion("two machines with one store", text.status([GOOD], NOW, Crew("vps-1", ["vps-2"]))),
    Occasion("three", text.status([GOOD], NOW, Crew("vps-1", ["home", "vps-2"]))),
    Occasion("and all others are away", text.status([GOOD], NOW, Crew("vps-1", []))),
    Occasion("no account", text.status([], NOW)),
    Occasion(
        "`/history`",
        text.history(
            [
                ("dhan", [Row(who) for who in WHO]),
                ("zerodha", [Row(way=way) for way in WAYS]),
                ("kotak", [Row(outcome=outcome) for outcome in OUTCOMES]),
                ("angelone", []),
            ],
            NOW,
        ),
    ),
)

FRESH = Refreshed("dhan", TOMORROW, "login", 1.6, proven=True)
ASKS_CODE = replace(LINK, asks_totp=True)
REFRESH = (
    Occasion("`/refresh` with several accounts", text.WHICH["go"], ("dhan", "zerodha", "Refresh all")),
    Occasion("`/refresh dhan`, at first", text.refreshing("dhan")),
    Occasion("and then", text.refreshed(FRESH, NOW)),
    Occasion(
        "the broker could not be asked whether the token works", text.refreshed(replace(FRESH, proven=False), NOW)
    ),
    Occasion("somebody else was quicker", text.refreshed(replace(FRESH, already=True), NOW)),
    Occasion("a good token is there", text.asks_first("dhan", TOMORROW, NOW), ("Yes, refresh dhan",)),
    Occasion("a refused login", text.failed_login(REFUSED, HELD_BACK, NOW), ("Take the risk: try dhan once",)),
    Occasion("no answer", text.failed_login(SILENT, GOOD, NOW)),
    Occasion("`/refresh all`, at first", text.refreshing_all(["dhan", "zerodha"], 1)),
    Occasion(
        "and then",
        text.refreshed_all({"dhan": FRESH, "zerodha": LINK, "kotak": SILENT, "angelone": TOMORROW}, NOW),
    ),
    Occasion("nobody's accounts", text.refreshed_all({}, NOW)),
    Occasion("more than ten at once", text.refreshing_all([f"dhan-{number}" for number in range(11)], 4)),
)

ASKED = (
    Occasion("a link", text.consent("zerodha", LINK, NOW, codes_here=True), (text.OPEN_LABEL,)),
    Occasion(
        "a link that comes back by itself, to a page that asks for a code",
        text.consent("zerodha", ASKS_CODE, NOW, codes_here=True, door=text.Door(timedelta(minutes=10))),
        (text.OPEN_LABEL, "TOTP code for zerodha", "Refresh zerodha"),
    ),
    Occasion(
        "one that comes back for as long as the login waits",
        text.consent("dhan", LINK, NOW, codes_here=True, door=text.Door()),
        (text.OPEN_LABEL, "Refresh dhan"),
    ),
    Occasion("in place of an earlier question, when it is asked again", text.asked_anew("zerodha")),
    Occasion("codes are not shown in the chat", text.consent("zerodha", ASKS_CODE, NOW, codes_here=False)),
    Occasion(
        "a code that you type",
        text.consent("kotak", Consent(None, "the six digits of your authenticator app"), NOW, codes_here=True),
    ),
    Occasion("what you sent is being exchanged", text.exchanging("zerodha")),
    Occasion("a code that you typed was refused", text.failed_answer(CODE_REFUSED, TYPES, NOW)),
    Occasion(
        "and the next one, too",
        text.failed_answer(CODE_REFUSED, replace(TYPES, held_back=str(CODE_REFUSED)), NOW),
        ("Take the risk: try kotak once",),
    ),
    Occasion(
        "and one more is sent",
        text.failed_answer(
            KunjiError(f"no further login is tried by itself: {CODE_REFUSED}"),
            replace(TYPES, held_back=str(CODE_REFUSED)),
            NOW,
        ),
        ("Take the risk: try kotak once",),
    ),
    Occasion("in place of the question, when it is done", text.login_done("zerodha")),
    Occasion("when a browser came back in vain; a new message says why", text.login_failed("zerodha")),
    Occasion("it fits more than one login", text.ASK_WHICH, ("zerodha", "zerodha-wife")),
    Occasion("the choice came too late", text.PASTE_GONE),
    Occasion("it cannot be an answer", text.fits_none({"zerodha": "that is the login page itself"})),
    Occasion(
        "nor for any of several logins",
        text.fits_none({"zerodha": "that is the login page itself", "kotak": "expected six digits and nothing else"}),
    ),
    Occasion("it is a command without its slash", text.did_you_mean("/refresh dhan")),
    Occasion("no login waits", text.NOTHING_OPEN),
    Occasion("a picture", text.TEXT_ONLY),
    Occasion("below any of these, if Telegram would not delete your message", text.NOT_DELETED),
    Occasion("`/totp dhan`", text.code("dhan", Code(Secret("123456"), NOW + timedelta(seconds=21)), NOW), ("Copy",)),
    Occasion("`/totp` where `totp_in_chat` is off", text.CODES_OFF),
    *(
        Occasion(f"`/{action}` with several accounts", text.WHICH[action], ("dhan", "zerodha"))
        for action in ("totp", "logout", "pause", "resume")
    ),
    Occasion("`/logout dhan`", text.confirm_logout("dhan", True, TOMORROW, NOW), ("Yes, log out dhan",)),
    Occasion("at a broker that cannot end a token", text.confirm_logout("dhan", False, TOMORROW, NOW)),
    Occasion("without a token", text.confirm_logout("dhan", False, None, NOW)),
    Occasion("and then", text.logged_out(LoggedOut("dhan", True, None), NOW)),
    Occasion("the broker did not end it", text.logged_out(LoggedOut("dhan", False, TOMORROW, str(SILENT)), NOW)),
    Occasion("`/pause dhan`", text.paused("dhan")),
    Occasion("`/resume dhan`", text.resumed(GOOD, True, NOW)),
    Occasion("that was not paused", text.resumed(GOOD, False, NOW)),
    Occasion("`/resume dhan` after a refused login", text.resumed(HELD_BACK, True, NOW)),
    Occasion("that was not paused", text.resumed(HELD_BACK, False, NOW)),
    Occasion("`/lock`", text.LOCKED_NOW),
)

RICH = Portfolio(
    "dhan",
    "Dhan",
    Funds(Decimal("98440.5"), Decimal("15201.5"), None, "total is available and used together"),
    [
        Holding("INFY", "NSE", 10, Decimal(1490), Decimal(1502), Decimal(120)),
        Holding("SBIN", "NSE", 4, Decimal(812), None, None),
    ],
    [Position("NIFTY26NOVFUT", "NFO", "NRML", -75, Decimal(26011), Decimal(26030), Decimal(-1425), Decimal(-1425))],
)
AWAY = BrokerUnreachable("Angel One did not answer in time")
MUTE = Portfolio("angelone", "Angel One", AWAY, AWAY, AWAY)
BOUGHT = Order("1", "TCS", "BUY", 4, 4, Decimal(3346), Decimal("3345.8"), "TRADED", None, EARLIER, End.FILLED)
FIGURES = (
    Occasion("`/account`, at first", text.asking(["dhan", "kotak"])),
    Occasion("more than ten at once", text.asking([f"dhan-{number}" for number in range(11)])),
    Occasion("what has come", text.account([RICH], ["kotak"])),
    Occasion(
        "and then",
        text.account([RICH, MUTE, ("kotak", SILENT)]),
    ),
    Occasion("an empty account", text.account([Portfolio("dhan", "Dhan", Funds(None, None, None), [], [])])),
    Occasion("below the picture of one account", text.chart([RICH], NOW)),
    Occasion(
        "below the picture of several, of which many failed",
        text.chart([RICH, MUTE, *((f"kotak-{number}", SILENT) for number in range(8))], NOW),
    ),
    Occasion("nothing for a picture", text.nothing_to_draw([("kotak", SILENT)])),
    Occasion(
        "`/orders`",
        text.orders(
            [
                OrderBook(
                    "dhan",
                    "Dhan",
                    [
                        BOUGHT,
                        replace(BOUGHT, end=End.REJECTED, filled=0, status="REJECTED", reason="Insufficient funds"),
                        replace(BOUGHT, end=End.CANCELLED, filled=0, status="CANCELLED", at=None),
                        replace(BOUGHT, end=None, filled=1, status="PENDING"),
                    ],
                ),
                OrderBook("zerodha", "Zerodha", [BOUGHT] * 31),
                OrderBook("angelone", "Angel One", [BOUGHT]),
                OrderBook("dhan-wife", "Dhan", []),
                ("kotak", SILENT),
            ],
            ["kotak-wife"],
            NOW,
        ),
    ),
)
