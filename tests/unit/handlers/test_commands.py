"""Commands as people send them from a phone: bare, without their slash, twice, as a viewer, while locked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from brokers import KunjiError
from handlers.tokens import OpenQuestion, State
from tests.unit.handlers.markup import plain
from tests.unit.handlers.stage import ADMIN, GROUP, MINE, NOW, VIEWER, a_stage, status_of

OPEN = OpenQuestion("dhan", "the address you land on", 500, ADMIN)
TROUBLED = status_of("dhan", State.PAUSED, held_back="the PIN was refused", consent_open=True)


def labels(stage):
    return [one["text"] for one in stage.telegram.buttons()]


# Bare.


@pytest.mark.parametrize(
    ("command", "does"), [("pause", "pause"), ("resume", "resume"), ("totp", "code"), ("logout", None)]
)
async def test_a_command_that_names_no_account_asks_which_with_buttons(stage, command, does):
    await stage.hears(ADMIN, f"/{command}")
    assert labels(stage) == ["dhan", "dhan-wife"]
    assert stage.tokens.calls == []

    await stage.press(ADMIN, stage.telegram.buttons()[1]["callback_data"])

    assert stage.tokens.calls == ([(does, "dhan-wife")] if does else [])
    assert "dhan-wife" in stage.telegram.last()


async def test_a_bare_logout_is_confirmed_like_any_other(stage):
    await stage.hears(ADMIN, "/logout")
    await stage.press(ADMIN, stage.telegram.buttons()[0]["callback_data"])
    assert labels(stage) == ["Yes, log out dhan"]

    await stage.press(ADMIN, stage.telegram.buttons()[0]["callback_data"])

    assert stage.tokens.calls == [("logout", "dhan")]


async def test_who_has_one_account_need_not_name_it():
    async with a_stage({"dhan": MINE}) as stage:
        await stage.hears(ADMIN, "/pause")
        await stage.hears(ADMIN, "/logout")

    assert stage.tokens.calls == [("pause", "dhan")]
    assert labels(stage) == ["Yes, log out dhan"]


# Without the slash.


@pytest.mark.parametrize("waiting", [[], [OPEN]])
@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("refresh dhan", "/refresh dhan"),
        ("Refresh ALL", "/refresh all"),
        ("status", "/status"),
        ("account dhan chart", "/account dhan chart"),
        ("refresh dhan s3cret dhan", "/refresh dhan"),
    ],
)
async def test_a_command_without_its_slash_is_neither_obeyed_nor_tried_as_an_answer(stage, waiting, typed, meant):
    stage.tokens.waiting = waiting

    await stage.hears(ADMIN, typed)

    assert f"Did you mean {meant}?" in stage.telegram.last()
    assert stage.tokens.calls == []
    assert "s3cret" not in stage.telegram.last()


async def test_what_fits_no_open_login_is_told_with_a_way_out(stage):
    stage.tokens.waiting, stage.tokens.fits = [OPEN], {"dhan": "that is no address"}

    await stage.hears(ADMIN, "🙂")

    assert "/help lists the commands" in stage.telegram.last()


# Twice.


async def test_a_double_tap_alarms_nobody(stage):
    data = stage.signed("anew")

    await stage.press(ADMIN, data)
    await stage.press(ADMIN, data)

    assert len(stage.tokens.done("refresh")) == 1
    assert stage.telegram.last() == "You pressed this before; what came of it is in the chat."


async def test_an_account_that_was_not_paused_is_not_said_to_go_on_again(stage):
    await stage.hears(ADMIN, "/resume dhan")
    not_paused = plain(stage.telegram.last())
    stage.tokens.statuses["dhan"] = status_of("dhan", State.PAUSED)
    await stage.hears(ADMIN, "/resume dhan")

    assert "dhan: was not paused, so nothing was changed." in not_paused
    assert "dhan: no longer paused." in plain(stage.telegram.last())


# By somebody who may only look.


@pytest.mark.parametrize(("user", "chat"), [(VIEWER, VIEWER), (ADMIN, GROUP)])
async def test_who_may_only_look_is_told_what_the_admin_will_be_asked(stage, user, chat):
    assisted = replace(status_of("dhan-wife", next_login=NOW + timedelta(hours=1)), login="assisted")
    stage.tokens.statuses = {"dhan": TROUBLED, "dhan-wife": assisted}

    await stage.hears(user, "/status", chat=chat)

    said = plain(stage.telegram.last())
    assert "A login waits for the admin." in said
    assert "/refresh" not in said
    assert "/resume" not in said
    assert "The admin will be asked to log in at 09:45" in said


async def test_what_the_admin_did_is_not_said_to_be_by_whoever_reads_it(stage):
    class Last:
        at, who, way, seconds, outcome = NOW, "admin", "login", 0.02, "granted"

    stage.tokens.statuses["dhan"] = status_of("dhan", last_refresh=Last())

    await stage.hears(VIEWER, "/status dhan")

    assert "Refreshed at 08:45 in the chat (login)." in stage.telegram.last()


# Locked.


async def test_a_locked_bot_offers_nothing_that_it_would_refuse(stage):
    stage.tokens.is_locked = True

    await stage.hears(ADMIN, "/start")
    assert labels(stage) == ["Status"]
    await stage.hears(ADMIN, "/status")
    assert labels(stage) == []
    await stage.hears(ADMIN, "/help")

    assert all("kunji unlock" in said for said in stage.telegram.texts())
    assert "/history" in stage.telegram.last()
    assert "/refresh" not in stage.telegram.last()


@pytest.mark.parametrize("command", ["/start", "/status", "/help"])
async def test_what_can_do_no_harm_is_shown_where_it_cannot_be_read_whether_the_bot_is_locked(stage, command):
    stage.tokens.is_locked = KunjiError("the store is damaged")

    await stage.hears(ADMIN, command)

    assert "❌" not in stage.telegram.last()


# On a small screen.


async def test_several_accounts_are_a_line_each_in_the_greeting(stage):
    stage.tokens.statuses["dhan-wife"] = status_of("dhan-wife", State.EXPIRED, expires_at=NOW, consent_open=True)

    await stage.hears(ADMIN, "/start")

    said = plain(stage.telegram.last()).splitlines()
    assert said[2:4] == ["🟢 dhan: until 17:45", "🔴 dhan-wife: expired at 08:45 🔑"]
    assert len(said) < 12


async def test_help_has_a_line_for_each_command(stage):
    await stage.hears(ADMIN, "/help")

    commands = [line for line in stage.telegram.last().splitlines() if line.startswith("/")]
    assert len(commands) == len(stage.gate.commands)
    assert all(len(line) <= 42 for line in commands)
