"""What is not obeyed, what fails, and the short sentences over the chat and on the door's pages."""

from __future__ import annotations

from bot.web import limits, pages
from brokers import (
    BrokerUnreachable,
    CodeRejected,
    ConsentRejected,
    KunjiError,
    LoginRejected,
    RateLimited,
    TokenRejected,
    UnexpectedReply,
)
from handlers import BUTTONS, text
from handlers.text.refreshing import LABELS
from tests.messages.occasion import EARLIER, NOW, Occasion

REFUSALS = (
    Occasion("a command there is not", text.UNKNOWN_COMMAND),
    Occasion("a viewer's message that is no command", text.COMMANDS_ONLY),
    Occasion("a viewer's `/refresh`", text.ADMIN_ONLY),
    Occasion("in a group", text.PRIVATE_ONLY),
    Occasion("an edited message", text.EDITED),
    Occasion("a forwarded message", text.FORWARDED),
    Occasion("while the bot is locked", text.LOCKED),
    Occasion("while another program reads the messages", text.SECOND_POLLER),
    Occasion("below it, where a login was asked for", text.on_the_machine("zerodha")),
    Occasion(
        "a command that waited while the bot was away",
        text.still_wanted("/refresh dhan", EARLIER, NOW),
        ("Refresh dhan",),
    ),
    Occasion("one that cannot be asked about", text.sent_long_ago("/totp dhan", EARLIER, NOW)),
    Occasion("a button that was pressed meanwhile", text.pressed_long_ago("dhan")),
    Occasion("an account there is not", text.failure(KunjiError(text.unknown_account(["dhan", "kotak"])))),
    Occasion("and none that you may use", text.failure(KunjiError(text.unknown_account([])))),
    Occasion("no account was named", text.failure(KunjiError(text.which_account(["dhan", "kotak"])))),
    Occasion("and there is none that you may use", text.failure(KunjiError(text.which_account([])))),
    Occasion("a fault of the bot's own", text.WENT_WRONG),
)

TOASTS = (
    Occasion("not one of the bot's buttons", text.BUTTON_DEAD),
    Occasion("an old button", text.BUTTON_EXPIRED),
    Occasion("one that works once", text.BUTTON_SPENT),
    Occasion("a viewer's press", text.TOAST_ADMIN_ONLY),
    Occasion("while the bot is locked", text.TOAST_LOCKED),
    Occasion("it cannot be told whether it is locked", text.TOAST_UNKNOWN),
)

BUTTONS_SAY = tuple(
    Occasion("the admin" if BUTTONS[action].role > BUTTONS["look"].role else "anybody listed", says.format("dhan"))
    for action, says in LABELS.items()
)

FAILURES = (
    Occasion("refused", text.failure(LoginRejected("Dhan refused the PIN"), "dhan")),
    Occasion("a TOTP code was refused", text.failure(CodeRejected("Dhan refused the TOTP code"), "dhan")),
    Occasion("no answer", text.failure(BrokerUnreachable("Kotak Neo could not be reached"), "kotak")),
    Occasion("asked too often", text.failure(RateLimited("Dhan was asked too often"), "dhan")),
    Occasion(
        "and the broker says how long to wait",
        text.failure(RateLimited("Dhan grants one login in two minutes", retry_after=120.0), "dhan"),
    ),
    Occasion(
        "what you sent was used before",
        text.failure(ConsentRejected("Dhan no longer takes this tokenId: it works once, and not for long"), "dhan"),
    ),
    Occasion("the token is dead", text.failure(TokenRejected("Dhan no longer accepts this access token"), "dhan")),
    Occasion("nonsense", text.failure(UnexpectedReply("Dhan's answer has another shape than documented"), "dhan")),
    Occasion(
        "an error that says itself what to do",
        text.failure(
            LoginRejected("Angel One has blocked this account", hint="log in to its app to see why"), "angelone"
        ),
    ),
)

PAGES = (
    Occasion("a wrong address, or a login that is over", pages.NOTHING_HERE.says),
    Occasion("while the exchange goes on", f"{pages.under_way('zerodha').says}\n{pages.under_way('zerodha').then}"),
    Occasion("below how it ended", pages.Page(200, "").then),
    Occasion("while the bot is locked", pages.LOCKED.says),
    Occasion("too many requests", limits.TOO_OFTEN.says),
    Occasion("a browser that looks before anybody taps", pages.NOT_AHEAD.says),
    Occasion("a request that is no visit", pages.ONLY_GET.says),
)
