"""/account chart: the same numbers as in the text, on a picture that can be read whatever an account holds."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import asdict, replace
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
from PIL import Image

from brokers import BrokerUnreachable, Funds, Holding, Position
from handlers import charts, text
from handlers.charts import _drawing, _layout
from handlers.charts._facts import MOST_ACCOUNTS, MOST_HOLDINGS, Facts, facts
from handlers.charts._painter import painted
from handlers.text import Answer
from handlers.tokens import Portfolio
from tests.unit.handlers.markup import plain
from tests.unit.handlers.stage import ADMIN, GROUP, NOW, VIEWER, Stage

AWAY = BrokerUnreachable("Kotak Neo did not answer")
NOTHING = Funds(None, None, None)


def rupees(amount: str | None) -> Decimal | None:
    return None if amount is None else Decimal(amount)


def holding(symbol: str, last: str | None, pnl: str | None, quantity: int = 10) -> Holding:
    return Holding(symbol, "NSE", quantity, None, rupees(last), rupees(pnl))


def position(symbol: str, pnl: str | None) -> Position:
    return Position(symbol, "NSE", "INTRADAY", 1, None, None, rupees(pnl), rupees(pnl))


def funds(available: str | None, used: str | None) -> Funds:
    return Funds(rupees(available), rupees(used), None)


DHAN = Portfolio(
    "dhan",
    "Dhan",
    funds("98440.50", "15201.50"),
    [holding("HDFCBANK", "1611.35", "619.85"), holding("TCS", "3300", "-457.20")],
    [position("NIFTY26NOVFUT", "-100")],
)
WIFE = Portfolio("dhan-wife", "Dhan", funds("-5000", "20000"), [holding("TCS", "3300", "200")], [])
HUGE = Portfolio(
    "an-account-with-a-name-as-long-as",
    "Dhan",
    funds("-1234567890.12", "98765432101.50"),
    [
        holding(f"NIFTY26NOV{number}000CE$x$₹", "99999999.95", f"{-1 if number % 2 else 1}234567890.55")
        for number in range(300)
    ]
    + [holding("UNKNOWN", None, None)],
    [position("A", "1"), position("B", None)],
)


def shown(*answers: Answer[Portfolio]) -> Facts:
    found = facts(answers, NOW)
    assert found is not None
    return found


def amounts(rows: Any) -> dict[str, str]:
    return {f"{row.name} {row.note}".strip(): row.amount for row in rows}


# What is shown


def test_the_numbers_are_those_of_the_text() -> None:
    in_words = plain(text.account([DHAN]))
    found = shown(DHAN)

    every = [*found.headline, *found.held, *found.gains]
    assert amounts(found.gains) == {"HDFCBANK": "+₹619.85", "TCS": "−₹457.20", "1 position": "−₹100.00"}
    assert [
        one for one in [row.amount for row in every if row.name not in ("HDFCBANK", "TCS")] if one not in in_words
    ] == []
    assert (found.cash[0].available, found.cash[0].used) == ("₹98,440.50", "₹15,201.50")


def test_the_same_holding_in_two_accounts_is_two_rows_with_the_accounts_beside_them() -> None:
    found = shown(DHAN, WIFE)

    assert amounts(found.gains) == {
        "HDFCBANK dhan": "+₹619.85",
        "TCS dhan-wife": "+₹200.00",
        "TCS dhan": "−₹457.20",
        "1 position": "−₹100.00",
    }
    assert amounts(found.held) == {"dhan": "₹49,113.50", "dhan-wife": "₹33,000.00"}


def test_what_is_not_known_is_a_dash_and_the_totals_say_so() -> None:
    found = shown(Portfolio("dhan", "Dhan", AWAY, [holding("TCS", "3300", "1"), holding("NEW", None, None)], AWAY))

    assert amounts(found.gains) == {"TCS": "+₹1.00", "NEW": "–"}
    assert amounts(found.headline) == {"Holdings": "₹33,000.00", "Cash available": "–", "Total P&L": "+₹1.00"}
    assert found.without == "without NEW, funds and positions"


def test_an_account_that_failed_is_a_dash_among_the_others() -> None:
    found = shown(DHAN, ("kotak", AWAY))

    assert amounts(found.held) == {"dhan": "₹49,113.50", "kotak": "–"}
    assert found.without == "without kotak"


def test_of_three_hundred_holdings_the_largest_are_shown_and_the_rest_is_one_row_without_a_bar() -> None:
    found = shown(HUGE)

    assert len(found.held) == MOST_HOLDINGS
    assert (found.held[-1].name, found.held[-1].note) == (f"{302 - MOST_HOLDINGS} others", "1 unknown")
    assert found.held[-1].length is None
    assert found.gains[-1].name == "2 positions"


def test_of_many_accounts_the_largest_are_shown_and_the_rest_is_one_row() -> None:
    many = [
        Portfolio(f"a{number}", "Dhan", funds(f"{number}", "1"), [holding("X", f"{number}", "1")], [])
        for number in range(1, 11)
    ]
    found = shown(*many)

    assert amounts(found.held) == {"a10": "₹100.00", "a9": "₹90.00", "a8": "₹80.00", "7 others": "₹280.00"}
    assert [one.name for one in found.cash] == ["a10", "a9", "a8", "7 others"]
    assert (found.cash[-1].available, found.cash[-1].used) == ("₹28.00", "₹7.00")
    assert len(found.cash) == MOST_ACCOUNTS


@pytest.mark.parametrize(
    ("available", "used", "share"),
    [("75", "25", 0.25), ("-5", "25", 1.0), ("75", "0", 0.0), (None, "25", None), ("0", "0", None)],
)
def test_cash_is_divided_into_used_and_available(available: str | None, used: str, share: float | None) -> None:
    [cash] = shown(Portfolio("dhan", "Dhan", funds(available, used), [], [])).cash

    assert cash.share_used == share


@pytest.mark.parametrize(
    "answer", [Portfolio("dhan", "Dhan", NOTHING, [], []), Portfolio("dhan", "Dhan", AWAY, AWAY, AWAY), ("dhan", AWAY)]
)
def test_where_there_is_nothing_there_is_no_picture(answer: Answer[Portfolio]) -> None:
    assert charts.drawn([answer], NOW) is None


# Where it stands

ANY = [
    [
        Portfolio(
            "dhan",
            "Dhan",
            NOTHING,
            [holding("TWO\nLINES", "1E+400", "-1E+400"), holding("", "1", "NaN"), holding(r"$\no$", "1", "1")],
            [],
        )
    ],
    [DHAN],
    [DHAN, WIFE, ("kotak", AWAY)],
    [HUGE],
    [HUGE, DHAN, WIFE, HUGE, DHAN, ("kotak", AWAY)],
    [Portfolio("dhan", "Dhan", NOTHING, [holding("NEW", None, None)], [])],
    [Portfolio("dhan", "Dhan", funds("0", "0"), [holding("FLAT", "1", "0")], [])],
]


def edges(part: _layout.Text | _layout.Bar) -> tuple[float, float, float, float]:
    """Left, right, top and bottom."""
    if isinstance(part, _layout.Bar):
        return part.x, part.x + part.width, part.y, part.y + part.height
    left = part.x - part.width if part.at_right else part.x
    return left, left + part.width, part.y - part.size / 2, part.y + part.size / 2


@pytest.mark.parametrize("answers", ANY)
def test_no_text_runs_over_another_or_over_a_bar_or_off_the_sheet(answers: list[Answer[Portfolio]]) -> None:
    sheet = _layout.laid_out(shown(*answers))
    drawn = [edges(part) for part in [*sheet.texts, *(bar for bar in sheet.bars if bar.width > 2 and bar.radius)]]

    assert [one for one in drawn if one[0] < 0 or one[1] > sheet.width or one[2] < 0 or one[3] > sheet.height] == []
    assert [
        (one, other)
        for one, other in combinations(drawn, 2)
        if one[0] < other[1] - 1 and other[0] < one[1] - 1 and one[2] < other[3] - 1 and other[2] < one[3] - 1
    ] == []


@pytest.mark.parametrize("answers", ANY)
def test_a_sheet_is_as_large_as_telegram_shows_it_and_its_letters_can_be_read_on_a_phone(
    answers: list[Answer[Portfolio]],
) -> None:
    sheet = _layout.laid_out(shown(*answers))

    assert sheet.width == 1080
    assert sheet.height <= 1460
    assert min(one.size for one in sheet.texts) >= 26


def test_a_gain_stands_right_of_its_axis_and_a_loss_left_of_it() -> None:
    sheet = _layout.laid_out(shown(DHAN))
    [axis] = {bar.x + bar.width / 2 for bar in sheet.bars if bar.colour == _layout.AXIS}

    assert {bar.x for bar in sheet.bars if bar.colour == _layout.GAIN} == {axis}
    assert {bar.x + bar.width for bar in sheet.bars if bar.colour == _layout.LOSS} == {axis}


def light(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", ["BRIGHT", "QUIET", "HELD", "USED", "GAIN", "LOSS"])
def test_every_colour_stands_out_from_the_ground(colour: str) -> None:
    assert (light(getattr(_layout, colour)) + 0.05) / (light(_layout.GROUND) + 0.05) >= 4.5


# How it is drawn


def test_a_chart_is_a_png_of_the_size_of_its_sheet() -> None:
    sheet = _layout.laid_out(shown(DHAN, WIFE))
    drawn = charts.drawn([DHAN, WIFE], NOW)

    assert drawn is not None
    picture = Image.open(io.BytesIO(drawn))
    assert (picture.format, picture.size) == ("PNG", (sheet.width, sheet.height))
    assert len(drawn) < 500_000


@pytest.mark.parametrize("answers", ANY)
@pytest.mark.filterwarnings("error")
def test_whatever_an_account_holds_can_be_painted(answers: list[Answer[Portfolio]]) -> None:
    sheet = _layout.laid_out(shown(*answers))

    assert Image.open(io.BytesIO(painted(asdict(sheet)))).size == (sheet.width, sheet.height)


@pytest.mark.long
def test_a_name_of_letters_that_nobody_can_write_or_read_to_its_end_is_drawn_all_the_same() -> None:
    odd = replace(DHAN, holdings=[holding("\ud800" + "W" * 100_000, "1", "1")])

    assert charts.drawn([odd], NOW)


def test_a_name_that_is_too_long_loses_its_middle_and_an_amount_nothing() -> None:
    def ink(words: str, **more: Any) -> tuple[int, int, int, int]:
        line = _layout.Text(10, 50, words, 200, **more)
        sheet = _layout.Sheet(600, 100, "#000000", (line,), ())
        box = (
            Image.open(io.BytesIO(painted(asdict(sheet))))
            .convert("L")
            .point(lambda one: 255 if one > 60 else 0)
            .getbbox()
        )
        assert box is not None
        return box

    assert ink("W" * 80)[2] <= 212
    assert ink("₹1,23,45,67,890.50" * 3, whole=True)[2] <= 212
    assert ink("NIFTY26NOV26000CE" * 2) != ink("NIFTY26NOV26000CE" + "NIFTY26NOV26000PE")


def test_the_painter_is_told_nothing_of_our_environment_and_leaves_nothing_behind(tmp_path: Any) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    sheet = b'{"width": 100, "height": 100, "ground": "#000000", "texts": [], "bars": []}'
    command = [sys.executable, "-I", str(_drawing.PAINTER)]
    done = subprocess.run(command, input=sheet, capture_output=True, env=_drawing.surroundings(str(folder)), check=True)

    assert done.stdout.startswith(b"\x89PNG")
    assert done.stderr == b""
    assert list(tmp_path.iterdir()) == [folder]
    assert set(_drawing.surroundings("x").values()) == {"x", "1"}


def test_a_painter_that_fails_is_a_sentence() -> None:
    broken = _layout.Sheet(0, 0, "no colour", (), ())

    with pytest.raises(charts.ChartError, match="could not be drawn"):
        _drawing.png(broken)


def test_no_program_loads_what_draws_before_a_chart_is_asked_for() -> None:
    script = (
        "import sys, bot.app, handlers; print([one for one in ('matplotlib', 'numpy', 'PIL') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


# In the chat


def under(stage: Stage) -> str:
    [sent] = stage.telegram.of("sendPhoto")
    assert text.units(plain(sent["caption"])) <= 1024
    return plain(sent["caption"])


@pytest.mark.parametrize("said", ["/account chart dhan", "/account dhan chart", "/account Dhan CHART"])
async def test_a_chart_of_one_account_is_sent_with_its_totals_under_it(stage: Stage, said: str) -> None:
    stage.tokens.figures["dhan"] = DHAN

    await stage.hears(VIEWER, said)

    assert under(stage).splitlines() == [
        "dhan (Dhan) at 08:45",
        "Holdings worth ₹49,113.50, cash available ₹98,440.50",
        "Day's P&L −₹100.00, total P&L +₹62.65",
    ]
    assert stage.telegram.of("sendPhoto")[0]["photo"].startswith(b"\x89PNG")


async def test_all_accounts_are_asked_and_the_one_that_failed_is_a_line(stage: Stage) -> None:
    stage.tokens.figures |= {"dhan": DHAN, "dhan-wife": AWAY}

    await stage.hears(ADMIN, "/account chart")

    assert under(stage).splitlines() == [
        "All accounts at 08:45, without dhan-wife",
        "Holdings worth ₹49,113.50, cash available ₹98,440.50",
        "Day's P&L −₹100.00, total P&L +₹62.65",
        "❌ dhan-wife: Kotak Neo did not answer",
    ]


def test_totals_that_miss_different_things_say_so_each() -> None:
    said = plain(text.chart([Portfolio("dhan", "Dhan", AWAY, [holding("TCS", "3300", "1")], [])], NOW))

    assert said.splitlines() == [
        "dhan (Dhan) at 08:45",
        "Holdings worth ₹33,000.00, cash available – (without funds)",
        "Day's P&L ₹0.00, total P&L +₹1.00",
        "❌ dhan, funds: Kotak Neo did not answer",
    ]


def test_names_that_try_to_be_markup_are_text_under_a_chart() -> None:
    evil = "<b>&amp;</b><x>"
    account = Portfolio(evil, evil, AWAY, [holding(evil, None, None)], [])

    for answers in ([account], [account, (evil, BrokerUnreachable(evil, hint=evil))]):
        assert evil in plain(text.chart(answers, NOW))
        assert evil in plain(text.nothing_to_draw(answers))


async def test_the_message_that_somebody_is_asked_is_there_until_the_chart_is(stage: Stage) -> None:
    stage.tokens.figures["dhan"] = DHAN

    await stage.hears(ADMIN, "/account dhan chart")

    assert [name for name, _ in stage.telegram.sent] == ["sendMessage", "sendPhoto", "deleteMessage"]
    assert "Asking" in stage.telegram.texts()[0]


async def test_where_there_is_nothing_to_draw_it_is_said_and_why(stage: Stage) -> None:
    stage.tokens.figures |= {"dhan": Portfolio("dhan", "Dhan", AWAY, AWAY, AWAY), "dhan-wife": AWAY}

    await stage.hears(ADMIN, "/account chart")

    assert stage.telegram.of("sendPhoto") == []
    assert plain(stage.telegram.last()).splitlines() == [
        "There is nothing to draw: no holdings, no positions, no funds.",
        "❌ dhan, funds, holdings and positions: Kotak Neo did not answer",
        "❌ dhan-wife: Kotak Neo did not answer",
    ]


def test_what_stands_under_a_chart_fits_however_many_accounts_fail() -> None:
    why = BrokerUnreachable("x" * 120, hint="y" * 120)
    many = [DHAN, *((f"account-{number}", why) for number in range(40))]
    few = [DHAN, *((f"account-{number}", AWAY) for number in range(40))]

    assert text.units(text.chart(many, NOW)) <= 1024
    assert plain(text.chart(few, NOW)).splitlines()[-1] == "❌ 34 more; /account names them"


@pytest.mark.parametrize(
    ("said", "expects"),
    [
        ("/account dhan chrat", "a word too many"),
        ("/account chrat", "no such account"),
        ("/account dhan dhan-wife chart", "a word too many"),
    ],
)
async def test_a_mistyped_word_is_said_and_nobody_is_asked(stage: Stage, said: str, expects: str) -> None:
    await stage.hears(ADMIN, said)

    assert expects in stage.telegram.last()
    assert stage.tokens.done("portfolio") == []


async def test_in_a_group_there_is_no_chart(stage: Stage) -> None:
    for user in (ADMIN, VIEWER):
        await stage.hears(user, "/account chart", chat=GROUP)

    assert stage.tokens.done("portfolio") == []
    assert stage.telegram.of("sendPhoto") == []


async def test_a_locked_bot_draws_nothing_and_somebody_elses_account_is_not_drawn(stage: Stage) -> None:
    await stage.hears(VIEWER, "/account hidden chart")
    stage.tokens.is_locked = True
    await stage.hears(ADMIN, "/account chart")

    assert stage.tokens.done("portfolio") == []


async def test_without_the_extra_it_is_said_what_to_install(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    await stage.hears(ADMIN, "/account chart")

    assert "the extra charts adds them" in plain(stage.telegram.last())
    assert stage.tokens.done("portfolio") == []
